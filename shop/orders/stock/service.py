"""Goods come, are promised, go and come back. `skus.stock` is what can be promised; every change of it has its move."""

from collections.abc import Iterable, Mapping

from shop.catalog.models import Sku
from shop.db import Connection, F, Row
from shop.orders.models import OrderLine
from shop.orders.stock.models import MoveKind, StockMove


class StockMoved(Exception):
    """Less is there than was decided on: somebody took goods without the lock."""


async def receive(conn: Connection, sku_id: int, quantity: int, note: str = "") -> None:
    """Puts goods on the shelf."""
    await Sku.objects.using(conn).filter(id=sku_id).update(stock=F("stock") + quantity)
    await StockMove.objects.using(conn).create(sku_id=sku_id, kind=MoveKind.RECEIVED, quantity=quantity, note=note)


async def write_off(conn: Connection, sku_id: int, quantity: int, note: str = "") -> None:
    """Takes goods off the shelf for good; raises StockMoved when there are not so many."""
    if not await Sku.objects.using(conn).filter(id=sku_id, stock__gte=quantity).update(stock=F("stock") - quantity):
        raise StockMoved(f"SKU {sku_id} has fewer than {quantity}")
    await StockMove.objects.using(conn).create(sku_id=sku_id, kind=MoveKind.WRITTEN_OFF, quantity=quantity, note=note)


async def lock_goods(conn: Connection, sku_ids: Iterable[int]) -> dict[int, Row]:
    """The goods by SKU id with price now and stock, locked in id order until the transaction ends."""
    rows = await conn.fetch_all(LOCK_GOODS, {"ids": sorted(set(sku_ids))})
    return {row.id: row for row in rows}


async def take(conn: Connection, quantities: Mapping[int, int]) -> None:
    """Takes so many of each from the shelf; raises StockMoved when one of them is not there any more."""
    ids = sorted(quantities)
    changed = await conn.execute(TAKE, {"ids": ids, "counts": [quantities[sku_id] for sku_id in ids]})
    if changed < len(ids):
        raise StockMoved("a SKU has fewer than the lock had shown")


async def release(conn: Connection, order_id: int) -> None:
    """Puts what an order held back on the shelf."""
    await _lock_goods_of(conn, order_id)
    await conn.execute(PUT_BACK, {"order": order_id, "kind": MoveKind.RELEASED, "sold": 0})


async def sell(conn: Connection, order_id: int) -> None:
    """What an order held now belongs to the buyer."""
    await _lock_goods_of(conn, order_id)
    await conn.execute(SELL, {"order": order_id, "kind": MoveKind.SOLD})


async def take_back(conn: Connection, order_id: int, *, fit_for_sale: bool) -> None:
    """What was sold comes back: onto the shelf, or (fresh goods mostly) straight to the bin."""
    await _lock_goods_of(conn, order_id)
    await conn.execute(PUT_BACK, {"order": order_id, "kind": MoveKind.RETURNED, "sold": 1})
    if not fit_for_sale:
        await conn.execute(BIN, {"order": order_id, "kind": MoveKind.WRITTEN_OFF})


async def _lock_goods_of(conn: Connection, order_id: int) -> None:
    ordered = OrderLine.objects.filter(order_id=order_id).values("sku_id")
    await Sku.objects.using(conn).filter(id__in=ordered).select_for_update(no_key=True).values_list("id", flat=True)


# Measured by tests/bench/orders.py, and the server's clock says whether an offer runs.
# NO KEY UPDATE: baskets that point to a SKU meanwhile need not wait.
LOCK_GOODS = """
SELECT s.id, s.category_id, s.stock, s.tax_class, t.rate AS tax_rate, s.name AS sku_name, s.unit, p.id AS product_id, p.name,
       (SELECT rate FROM tax_classes WHERE code = 'standard') AS standard_rate,
       coalesce(CASE WHEN s.offer_from <= now() AND now() < s.offer_until THEN s.offer_price END, s.price) AS price,
       s.status = 'online' AND p.status = 'online' AND p.deleted_at IS NULL
           AND coalesce(now() < p.online_until, true) AS is_sold
FROM skus s JOIN products p ON p.id = s.product_id JOIN tax_classes t ON t.code = s.tax_class
WHERE s.id = ANY(%(ids)s::bigint[]) ORDER BY s.id FOR NO KEY UPDATE OF s
"""

# Another number for each of many rows, in one statement; measured by tests/bench/orders.py.
TAKE = """
UPDATE skus s SET stock = s.stock - n.count
FROM unnest(%(ids)s::bigint[], %(counts)s::bigint[]) AS n (id, count) WHERE s.id = n.id AND s.stock >= n.count
"""

# These three write a move for each line of an order and change the stock by it: INSERT … SELECT feeding an UPDATE.
PUT_BACK = """
WITH moved AS (
    INSERT INTO stock_moves (sku_id, order_id, kind, quantity)
    SELECT sku_id, order_id, %(kind)s, quantity FROM order_lines WHERE order_id = %(order)s
    RETURNING sku_id, quantity)
UPDATE skus s SET stock = s.stock + m.quantity, sold = s.sold - %(sold)s * m.quantity FROM moved m WHERE s.id = m.sku_id
"""

# As above.
SELL = """
WITH moved AS (
    INSERT INTO stock_moves (sku_id, order_id, kind, quantity)
    SELECT sku_id, order_id, %(kind)s, quantity FROM order_lines WHERE order_id = %(order)s
    RETURNING sku_id, quantity)
UPDATE skus s SET sold = s.sold + m.quantity FROM moved m WHERE s.id = m.sku_id
"""

# As above.
BIN = """
WITH moved AS (
    INSERT INTO stock_moves (sku_id, order_id, kind, quantity)
    SELECT sku_id, order_id, %(kind)s, quantity FROM order_lines WHERE order_id = %(order)s
    RETURNING sku_id, quantity)
UPDATE skus s SET stock = s.stock - m.quantity FROM moved m WHERE s.id = m.sku_id
"""
