"""Keeping addresses; every statement names the account, so that nobody touches another's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from shop.accounts.addresses.models import AT_MOST, TooManyAddresses
from shop.db import Connection

# The lock makes two windows that add at once wait for each other, and default and count stay right.
LOCK: Final = "SELECT id FROM accounts WHERE id = %(account_id)s FOR UPDATE"
COUNT: Final = "SELECT count(*) FROM addresses WHERE account_id = %(account_id)s"
NO_DEFAULT: Final = "UPDATE addresses SET is_default = false WHERE account_id = %(account_id)s AND is_default"
DEFAULT: Final = "UPDATE addresses SET is_default = true WHERE account_id = %(account_id)s AND id = %(id)s"
ADD: Final = """
    INSERT INTO addresses (account_id, receiver, phone, country, province, city, district, street, postcode)
    VALUES (%(account_id)s, %(receiver)s, %(phone)s, %(country)s, %(province)s, %(city)s, %(district)s, %(street)s,
        %(postcode)s)
    RETURNING id"""
EDIT: Final = """
    UPDATE addresses SET receiver = %(receiver)s, phone = %(phone)s, country = %(country)s, province = %(province)s,
        city = %(city)s, district = %(district)s, street = %(street)s, postcode = %(postcode)s, updated_at = now()
    WHERE account_id = %(account_id)s AND id = %(id)s"""
DELETE: Final = "DELETE FROM addresses WHERE account_id = %(account_id)s AND id = %(id)s"


async def add_address(conn: Connection, account_id: int, values: Mapping[str, str | None], *, is_default: bool) -> int:
    """Keep one more address and return its number; raises TooManyAddresses."""
    await conn.execute(LOCK, {"account_id": account_id})
    if await conn.fetch_value(COUNT, {"account_id": account_id}) >= AT_MOST:
        raise TooManyAddresses
    address_id: int = await conn.fetch_value(ADD, {"account_id": account_id, **values})
    if is_default:
        await choose_default(conn, account_id, address_id)
    return address_id


async def edit_address(
    conn: Connection, account_id: int, address_id: int, values: Mapping[str, str | None], *, is_default: bool
) -> bool:
    """Change an address of this account; False when it has none of that number."""
    edited = await conn.execute(EDIT, {"account_id": account_id, "id": address_id, **values})
    if not edited:
        return False
    if is_default:
        await choose_default(conn, account_id, address_id)
    else:
        await conn.execute(f"{NO_DEFAULT} AND id = %(id)s", {"account_id": account_id, "id": address_id})
    return True


async def choose_default(conn: Connection, account_id: int, address_id: int) -> bool:
    """Make one address the default and no other; False, and nothing changed, when the account has none of that number."""
    values = {"account_id": account_id, "id": address_id}
    await conn.execute(LOCK, values)
    if not await conn.fetch_value(f"{COUNT} AND id = %(id)s", values):
        return False
    await conn.execute(NO_DEFAULT, values)
    await conn.execute(DEFAULT, values)
    return True


async def delete_address(conn: Connection, account_id: int, address_id: int) -> bool:
    """Forget an address of this account; orders keep their copy. False when it has none of that number."""
    return await conn.execute(DELETE, {"account_id": account_id, "id": address_id}) > 0
