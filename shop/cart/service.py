"""What happens to a basket. Each change locks the basket first, so that two tabs change it one after the other."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import Any
from uuid import UUID

from shop.cart.models import AT_MOST, LINES_AT_MOST, BasketFull, Cart, CartLine, NotEnough, NotSold
from shop.cart.queries import Owner, goods_on_sale
from shop.coupons.queries import code_key
from shop.db import Connection, F, Now, QuerySet
from shop.delivery.queries import Place


async def add(conn: Connection, owner: Owner, sku_id: int, quantity: int, add_id: UUID | None = None) -> None:
    """Puts so many more into the basket, once per `add_id`; raises NotSold, NotEnough or BasketFull, and then nothing has changed."""
    cart_id = await _changed(conn, owner)
    if add_id and not await conn.execute(NOTE_ADD, {"cart": cart_id, "id": str(add_id), "most": RECENT_ADDS}):
        return
    line = await _line(conn, cart_id, sku_id).first()
    already = 0 if line is None or line.is_saved else line.quantity
    await _put(conn, cart_id, sku_id, already + quantity, is_new=line is None)


async def set_quantity(conn: Connection, owner: Owner, sku_id: int, quantity: int) -> None:
    """Wants exactly so many, 0 takes the goods out; raises NotSold, NotEnough or BasketFull."""
    if quantity == 0:
        return await remove(conn, owner, sku_id)
    cart_id = await _changed(conn, owner)
    line = await _line(conn, cart_id, sku_id).first()
    return await _put(conn, cart_id, sku_id, quantity, is_new=line is None)


async def remove(conn: Connection, owner: Owner, sku_id: int) -> None:
    """Takes goods out of the basket, or off the list for later."""
    cart_id = await _changed(conn, owner)
    await _line(conn, cart_id, sku_id).delete()


async def save_for_later(conn: Connection, owner: Owner, sku_id: int) -> None:
    """Moves a line to the list for later, whatever its stock."""
    cart_id = await _changed(conn, owner)
    await _line(conn, cart_id, sku_id).update(is_saved=True)


async def put_back(conn: Connection, owner: Owner, sku_id: int) -> None:
    """Moves a line from the list for later into the basket, no more than there is; raises NotSold or NotEnough(0)."""
    cart_id = await _changed(conn, owner)
    line = await _line(conn, cart_id, sku_id).first()
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
    lines = await CartLine.objects.using(conn).filter(cart_id=cart_id)
    there = {line.sku_id: 0 if line.is_saved else line.quantity for line in lines}
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
    await Cart.objects.using(conn).filter(id=cart_id).update(coupon_code=code_key(code) if code else None)


async def note_place(conn: Connection, owner: Owner, place: Place) -> None:
    """Keeps where the goods shall go, as far as it is said yet."""
    cart_id = await _changed(conn, owner)
    await Cart.objects.using(conn).filter(id=cart_id).update(place=asdict(place))


async def merge_on_sign_in(conn: Connection, account_id: int, cookie_hash: bytes) -> bool:
    """Moves a guest's basket into the account's, inside the transaction that signs in; True when there was one.

    The guest's basket is gone afterwards, so that a second sign-in with the same cookie adds nothing.
    """
    guest = await Cart.objects.using(conn).select_for_update().filter(cookie_hash=cookie_hash).first()
    if guest is None:
        return False
    own = await _changed(conn, Owner(account_id=account_id))
    await conn.execute(MERGE, {"own": own, "guest": guest.id, "most": AT_MOST, "lines": LINES_AT_MOST})
    said = {"coupon_code": guest.coupon_code, "place": guest.place or None}
    carts = Cart.objects.using(conn)
    await carts.filter(id=own).update(**{name: value for name, value in said.items() if value is not None})
    await carts.filter(id=guest.id).delete()
    return True


async def forget_old_guests(conn: Connection, days: int) -> int:
    """Deletes guests' baskets nobody has touched for so many days; how many."""
    old = Cart.objects.using(conn).filter(cookie_hash__isnull=False, updated_at__lt=Now() - timedelta(days=days))
    return await old.delete()


async def _changed(conn: Connection, owner: Owner) -> int:
    """The id of the owner's basket, begun if need be, locked and one version further."""
    further = {"version": F("version") + 1, "updated_at": Now()}
    cart, _ = await Cart.objects.using(conn).update_or_create(further, {}, **owner.key)
    return cart.id


def _line(conn: Connection, cart_id: int, sku_id: int) -> QuerySet[CartLine]:
    return CartLine.objects.using(conn).filter(cart_id=cart_id, sku_id=sku_id)


async def _put(conn: Connection, cart_id: int, sku_id: int, quantity: int, *, is_new: bool) -> None:
    found = (await goods_on_sale(conn, [sku_id])).get(sku_id)
    if found is None:
        raise NotSold
    available = min(found.stock, AT_MOST)
    if quantity > available:
        raise NotEnough(available)
    if is_new and await CartLine.objects.using(conn).filter(cart_id=cart_id).count() >= LINES_AT_MOST:
        raise BasketFull
    await _write(conn, cart_id, sku_id, quantity, found.price)


async def _write(conn: Connection, cart_id: int, sku_id: int, quantity: int, price: int) -> None:
    values: dict[str, Any] = {"quantity": quantity, "price_seen": price, "is_saved": False}
    await CartLine.objects.using(conn).update_or_create(values, cart_id=cart_id, sku_id=sku_id)


# More than a browser can have on their way at a time.
RECENT_ADDS = 20
# An array whose head grows and whose tail is cut, unless it holds the id: one statement, so that of twins one adds.
NOTE_ADD = """
UPDATE carts SET recent_adds = (%(id)s::uuid || recent_adds)[1:%(most)s]
WHERE id = %(cart)s AND %(id)s::uuid <> ALL (recent_adds)
"""

# Rows of one basket into another (INSERT … SELECT … ON CONFLICT with both sides of each pair).
# What both have is added up, and needs no room; a line the guest wanted now is wanted now. Stock is looked at when the basket is shown.
MERGE = """
INSERT INTO cart_lines (cart_id, sku_id, quantity, is_saved, price_seen, added_at)
SELECT %(own)s, sku_id, quantity, is_saved, price_seen, added_at FROM (
    SELECT g.*, o.sku_id IS NULL AS is_new,
        row_number() OVER (PARTITION BY o.sku_id IS NULL ORDER BY g.is_saved, g.added_at) AS place
    FROM cart_lines g LEFT JOIN cart_lines o ON o.cart_id = %(own)s AND o.sku_id = g.sku_id
    WHERE g.cart_id = %(guest)s) guest
WHERE NOT is_new OR place <= %(lines)s - (SELECT count(*) FROM cart_lines WHERE cart_id = %(own)s)
ON CONFLICT (cart_id, sku_id) DO UPDATE SET price_seen = excluded.price_seen,
    is_saved = cart_lines.is_saved AND excluded.is_saved,
    quantity = CASE WHEN cart_lines.is_saved = excluded.is_saved
        THEN least(%(most)s, cart_lines.quantity + excluded.quantity)
        WHEN cart_lines.is_saved THEN excluded.quantity ELSE cart_lines.quantity END
"""
