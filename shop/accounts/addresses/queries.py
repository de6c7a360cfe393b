"""What can be told about a customer's addresses; always of one account, so that nobody reads another's."""

from __future__ import annotations

from shop.accounts.addresses.models import Address
from shop.db import Connection


async def addresses_of(conn: Connection, account_id: int) -> list[Address]:
    """All addresses of an account: the default first, then as they were edited, newest first."""
    return await Address.objects.using(conn).filter(account_id=account_id).order_by("-is_default", "-updated_at", "-id")


async def address_of(conn: Connection, account_id: int, address_id: int) -> Address | None:
    """One address of this account; None when there is none of that number, or it is somebody else's."""
    return await Address.objects.using(conn).filter(account_id=account_id, id=address_id).first()


async def offered_address(conn: Connection, account_id: int) -> Address | None:
    """The address to begin an order with: the default, else the one edited last."""
    own = Address.objects.using(conn).filter(account_id=account_id)
    default = await own.filter(is_default=True).first()
    if default is not None:
        return default
    try:
        return await own.latest("updated_at")
    except Address.DoesNotExist:
        return None
