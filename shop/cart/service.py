"""What happens to a basket. Each change locks the basket first, so that two tabs change it one after the other."""

from collections.abc import Mapping
from typing import Any

from shop.cart.models import AT_MOST, LINES_AT_MOST, BasketFull, NotEnough, NotSold
from shop.cart.queries import Owner, goods_on_sale
from shop.coupons.queries import code_key
from shop.db import Connection
from shop.delivery.queries import Place


async def add(conn: Connection, owner: Owner, sku_id: int, quantity: int) -> None:
    """Puts so many more into the basket; raises NotSold, NotEnough or BasketFull, and then nothing has changed."""
    cart_id = await _changed(conn, owner)
    line = await conn.fetch_one(LINE, {"cart": cart_id, "sku": sku_id})
    already = 0 if line is None or line.is_saved else line.quantity
    await _put(conn, cart_id, sku_id, already + quantity, is_new=line is None)


async def set_quantity(conn: Connection, owner: Owner, sku_id: int, quantity: int) -> None:
    """Wants exactly so many, 0 takes the goods out; raises NotSold, NotEnough or BasketFull."""
    if quantity == 0:
        return await remove(conn, owner, sku_id)
    cart_id = await _changed(conn, owner)
    line = await conn.fetch_one(LINE, {"cart": cart_id, "sku": sku_id})
    return await _put(conn, cart_id, sku_id, quantity, is_new=line is None)


async def remove(conn: Connection, owner: Owner, sku_id: int) -> None:
    """Takes goods out of the basket, or off the list for later."""
    cart_id = await _changed(conn, owner)
    await conn.execute(REMOVE, {"cart": cart_id, "sku": sku_id})


async def save_for_later(conn: Connection, owner: Owner, sku_id: int) -> None:
    """Moves a line to the list for later, whatever its stock."""
    cart_id = await _changed(conn, owner)
    await conn.execute(SAVE, {"cart": cart_id, "sku": sku_id})


async def put_back(conn: Connection, owner: Owner, sku_id: int) -> None:
    """Moves a line from the list for later into the basket, no more than there is; raises NotSold or NotEnough(0)."""
    cart_id = await _changed(conn, owner)
    line = await conn.fetch_one(LINE, {"cart": cart_id, "sku": sku_id})
    if line is None:
        raise NotSold
    found = (await goods_on_sale(conn, [sku_id])).get(sku_id)
    if found is None:
        raise NotSold
    await _put(conn, cart_id, sku_id, min(line.quantity, max(found.stock, 1)), is_new=False)


async def add_again(conn: Connection, owner: Owner, wanted: Mapping[int, int]) -> list[int]:
    """Adds what an earlier order had, as far as it can be had; the SKUs that could not be added in full."""
    cart_id = await _changed(conn, owner)
    on_sale = await goods_on_sale(conn, list(wanted))
    rows = await conn.fetch_all(QUANTITIES, {"cart": cart_id})
    there = {row.sku_id: 0 if row.is_saved else row.quantity for row in rows}
    missing = []
    for sku_id, quantity in wanted.items():
        already, found = there.get(sku_id, 0), on_sale.get(sku_id)
        possible = min(already + quantity, AT_MOST, found.stock) if found else 0
        is_room = sku_id in there or len(there) < LINES_AT_MOST
        if possible < already + quantity or not is_room:
            missing.append(sku_id)
        if found and possible > already and is_room:
            there[sku_id] = possible
            await _write(conn, cart_id, sku_id, possible, found.price)
    return missing


async def note_coupon(conn: Connection, owner: Owner, code: str | None) -> None:
    """Keeps the code the owner wants to use, or forgets it."""
    cart_id = await _changed(conn, owner)
    params = {"cart": cart_id, "code": code_key(code) if code else None}
    await conn.execute("UPDATE carts SET coupon_code = %(code)s WHERE id = %(cart)s", params)


async def note_place(conn: Connection, owner: Owner, place: Place) -> None:
    """Keeps where the goods shall go, as far as it is said yet."""
    cart_id = await _changed(conn, owner)
    fields = {"country": place.country, "city": place.city, "district": place.district, "postcode": place.postcode}
    await conn.execute("UPDATE carts SET place = %(place)s WHERE id = %(cart)s", {"cart": cart_id, "place": fields})


async def merge_on_sign_in(conn: Connection, account_id: int, cookie_hash: bytes) -> bool:
    """Moves a guest's basket into the account's, inside the transaction that signs in; True when there was one.

    The guest's basket is gone afterwards, so that a second sign-in with the same cookie adds nothing.
    """
    guest = await conn.fetch_one("SELECT id FROM carts WHERE cookie_hash = %(hash)s FOR UPDATE", {"hash": cookie_hash})
    if guest is None:
        return False
    own = await _changed(conn, Owner(account_id=account_id))
    await conn.execute(MERGE, {"own": own, "guest": guest.id, "most": AT_MOST, "lines": LINES_AT_MOST})
    await conn.execute(MERGE_REST, {"own": own, "guest": guest.id})
    await conn.execute("DELETE FROM carts WHERE id = %(guest)s", {"guest": guest.id})
    return True


async def forget_old_guests(conn: Connection, days: int) -> int:
    """Deletes guests' baskets nobody has touched for so many days; how many."""
    return await conn.execute(FORGET, {"days": days})


async def _changed(conn: Connection, owner: Owner) -> int:
    """The id of the owner's basket, begun if need be, locked and one version further."""
    sql = CHANGED_MEMBER if owner.account_id is not None else CHANGED_GUEST
    return int(await conn.fetch_value(sql, owner.params))


async def _put(conn: Connection, cart_id: int, sku_id: int, quantity: int, *, is_new: bool) -> None:
    found = (await goods_on_sale(conn, [sku_id])).get(sku_id)
    if found is None:
        raise NotSold
    available = min(found.stock, AT_MOST)
    if quantity > available:
        raise NotEnough(available)
    if is_new and await _lines(conn, cart_id) >= LINES_AT_MOST:
        raise BasketFull
    await _write(conn, cart_id, sku_id, quantity, found.price)


async def _lines(conn: Connection, cart_id: int) -> Any:
    return await conn.fetch_value("SELECT count(*) FROM cart_lines WHERE cart_id = %(cart)s", {"cart": cart_id})


async def _write(conn: Connection, cart_id: int, sku_id: int, quantity: int, price: int) -> None:
    await conn.execute(PUT, {"cart": cart_id, "sku": sku_id, "quantity": quantity, "price": price})


CHANGED_MEMBER = """
INSERT INTO carts (account_id) VALUES (%(account)s)
ON CONFLICT (account_id) DO UPDATE SET version = carts.version + 1, updated_at = now() RETURNING id
"""
CHANGED_GUEST = """
INSERT INTO carts (cookie_hash) VALUES (%(cookie)s)
ON CONFLICT (cookie_hash) DO UPDATE SET version = carts.version + 1, updated_at = now() RETURNING id
"""

LINE = "SELECT quantity, is_saved FROM cart_lines WHERE cart_id = %(cart)s AND sku_id = %(sku)s"
QUANTITIES = "SELECT sku_id, quantity, is_saved FROM cart_lines WHERE cart_id = %(cart)s"

PUT = """
INSERT INTO cart_lines (cart_id, sku_id, quantity, price_seen) VALUES (%(cart)s, %(sku)s, %(quantity)s, %(price)s)
ON CONFLICT (cart_id, sku_id) DO UPDATE
SET quantity = excluded.quantity, price_seen = excluded.price_seen, is_saved = false
"""
REMOVE = "DELETE FROM cart_lines WHERE cart_id = %(cart)s AND sku_id = %(sku)s"
SAVE = "UPDATE cart_lines SET is_saved = true WHERE cart_id = %(cart)s AND sku_id = %(sku)s"

# What both have is added up; a line the guest wanted now is wanted now. Stock is looked at when the basket is shown.
MERGE = """
INSERT INTO cart_lines (cart_id, sku_id, quantity, is_saved, price_seen, added_at)
SELECT %(own)s, sku_id, quantity, is_saved, price_seen, added_at FROM cart_lines g
WHERE cart_id = %(guest)s ORDER BY is_saved, added_at
LIMIT greatest(0, %(lines)s - (SELECT count(*) FROM cart_lines WHERE cart_id = %(own)s))
ON CONFLICT (cart_id, sku_id) DO UPDATE SET price_seen = excluded.price_seen,
    is_saved = cart_lines.is_saved AND excluded.is_saved,
    quantity = CASE WHEN cart_lines.is_saved = excluded.is_saved
        THEN least(%(most)s, cart_lines.quantity + excluded.quantity)
        WHEN cart_lines.is_saved THEN excluded.quantity ELSE cart_lines.quantity END
"""
MERGE_REST = """
UPDATE carts own SET coupon_code = coalesce(guest.coupon_code, own.coupon_code),
    place = CASE WHEN guest.place <> '{}' THEN guest.place ELSE own.place END
FROM carts guest WHERE own.id = %(own)s AND guest.id = %(guest)s
"""

FORGET = "DELETE FROM carts WHERE cookie_hash IS NOT NULL AND updated_at < now() - make_interval(days => %(days)s)"
