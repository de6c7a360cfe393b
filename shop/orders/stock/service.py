"""Goods come, are promised, go and come back. `skus.stock` is what can be promised; every change of it has its move."""

from collections.abc import Iterable, Mapping

from shop.db import Connection, Row
from shop.orders.stock.models import MoveKind


class StockMoved(Exception):
    """Less is there than was decided on: somebody took goods without the lock."""


async def receive(conn: Connection, sku_id: int, quantity: int, note: str = "") -> None:
    """Puts goods on the shelf."""
    await conn.execute(RECEIVE, {"sku": sku_id, "quantity": quantity, "note": note, "kind": MoveKind.RECEIVED})


async def write_off(conn: Connection, sku_id: int, quantity: int, note: str = "") -> None:
    """Takes goods off the shelf for good; raises StockMoved when there are not so many."""
    params = {"sku": sku_id, "quantity": quantity, "note": note, "kind": MoveKind.WRITTEN_OFF}
    if not await conn.execute(WRITE_OFF, params):
        raise StockMoved(f"SKU {sku_id} has fewer than {quantity}")


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
    await conn.execute(LOCK_GOODS_OF, {"order": order_id})


RECEIVE = """
WITH moved AS (INSERT INTO stock_moves (sku_id, kind, quantity, note)
    VALUES (%(sku)s, %(kind)s, %(quantity)s, %(note)s) RETURNING sku_id, quantity)
UPDATE skus s SET stock = stock + m.quantity FROM moved m WHERE s.id = m.sku_id
"""

WRITE_OFF = """
WITH taken AS (UPDATE skus SET stock = stock - %(quantity)s WHERE id = %(sku)s AND stock >= %(quantity)s RETURNING id)
INSERT INTO stock_moves (sku_id, kind, quantity, note) SELECT id, %(kind)s, %(quantity)s, %(note)s FROM taken
"""

# NO KEY UPDATE: baskets that point to a SKU meanwhile need not wait.
LOCK_GOODS = """
SELECT s.id, s.category_id, s.stock, s.tax_class, s.name AS sku_name, s.unit, p.id AS product_id, p.name,
       coalesce(CASE WHEN s.offer_from <= now() AND now() < s.offer_until THEN s.offer_price END, s.price) AS price,
       s.status = 'online' AND p.status = 'online' AND p.deleted_at IS NULL AS is_sold
FROM skus s JOIN products p ON p.id = s.product_id
WHERE s.id = ANY(%(ids)s::bigint[]) ORDER BY s.id FOR NO KEY UPDATE OF s
"""

TAKE = """
UPDATE skus s SET stock = s.stock - n.count
FROM unnest(%(ids)s::bigint[], %(counts)s::bigint[]) AS n (id, count) WHERE s.id = n.id AND s.stock >= n.count
"""

LOCK_GOODS_OF = """
SELECT FROM skus WHERE id IN (SELECT sku_id FROM order_lines WHERE order_id = %(order)s)
ORDER BY id FOR NO KEY UPDATE
"""

PUT_BACK = """
WITH moved AS (
    INSERT INTO stock_moves (sku_id, order_id, kind, quantity)
    SELECT sku_id, order_id, %(kind)s, quantity FROM order_lines WHERE order_id = %(order)s
    RETURNING sku_id, quantity)
UPDATE skus s SET stock = s.stock + m.quantity, sold = s.sold - %(sold)s * m.quantity FROM moved m WHERE s.id = m.sku_id
"""

SELL = """
WITH moved AS (
    INSERT INTO stock_moves (sku_id, order_id, kind, quantity)
    SELECT sku_id, order_id, %(kind)s, quantity FROM order_lines WHERE order_id = %(order)s
    RETURNING sku_id, quantity)
UPDATE skus s SET sold = s.sold + m.quantity FROM moved m WHERE s.id = m.sku_id
"""

BIN = """
WITH moved AS (
    INSERT INTO stock_moves (sku_id, order_id, kind, quantity)
    SELECT sku_id, order_id, %(kind)s, quantity FROM order_lines WHERE order_id = %(order)s
    RETURNING sku_id, quantity)
UPDATE skus s SET stock = s.stock - m.quantity FROM moved m WHERE s.id = m.sku_id
"""
