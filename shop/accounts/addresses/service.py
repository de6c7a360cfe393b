"""Keeping addresses; every statement names the account, so that nobody touches another's."""

from __future__ import annotations

from collections.abc import Mapping

from shop.accounts.addresses.models import AT_MOST, Address, TooManyAddresses
from shop.accounts.models import Account
from shop.db import Connection, Now, QuerySet


async def add_address(conn: Connection, account_id: int, values: Mapping[str, str | None], *, is_default: bool) -> int:
    """Keep one more address and return its number; raises TooManyAddresses."""
    await _lock(conn, account_id)
    if await _own(conn, account_id).count() >= AT_MOST:
        raise TooManyAddresses
    added = await Address.objects.using(conn).create(account_id=account_id, **values)
    if is_default:
        await choose_default(conn, account_id, added.id)
    return added.id


async def edit_address(
    conn: Connection, account_id: int, address_id: int, values: Mapping[str, str | None], *, is_default: bool
) -> bool:
    """Change an address of this account; False when it has none of that number."""
    edited = _own(conn, account_id).filter(id=address_id)
    if not await edited.update(**values, updated_at=Now()):
        return False
    if is_default:
        await choose_default(conn, account_id, address_id)
    else:
        await edited.update(is_default=False)
    return True


async def choose_default(conn: Connection, account_id: int, address_id: int) -> bool:
    """Make one address the default and no other; False, and nothing changed, when the account has none of that number."""
    await _lock(conn, account_id)
    own = _own(conn, account_id)
    if not await own.filter(id=address_id).exists():
        return False
    await own.filter(is_default=True).update(is_default=False)
    await own.filter(id=address_id).update(is_default=True)
    return True


async def delete_address(conn: Connection, account_id: int, address_id: int) -> bool:
    """Forget an address of this account; orders keep their copy. False when it has none of that number."""
    return await _own(conn, account_id).filter(id=address_id).delete() > 0


def _own(conn: Connection, account_id: int) -> QuerySet[Address]:
    return Address.objects.using(conn).filter(account_id=account_id)


async def _lock(conn: Connection, account_id: int) -> None:
    """Makes two windows that add at once wait for each other, so that default and count stay right."""
    await Account.objects.using(conn).select_for_update().filter(id=account_id).first()
