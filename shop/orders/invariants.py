"""What must hold whatever happened: each query finds the rows that break a promise, none in a sound shop."""

from collections.abc import Mapping
from typing import Final

from shop.db import Connection, Row
from shop.orders.models import FULFILMENT_TRANSITIONS, PAYMENT_TRANSITIONS

# Per SKU: received = available + held + sold + written off, in the ledger, on the shelf and in the orders.
STOCK: Final = """
WITH ledger AS (
    SELECT sku_id, sum(quantity) FILTER (WHERE kind = 'received') AS received,
           sum(CASE kind WHEN 'received' THEN quantity WHEN 'released' THEN quantity WHEN 'returned' THEN quantity
               WHEN 'held' THEN -quantity WHEN 'written_off' THEN -quantity ELSE 0 END) AS available,
           sum(CASE kind WHEN 'held' THEN quantity WHEN 'released' THEN -quantity WHEN 'sold' THEN -quantity
               ELSE 0 END) AS held,
           sum(CASE kind WHEN 'sold' THEN quantity WHEN 'returned' THEN -quantity ELSE 0 END) AS sold
    FROM stock_moves GROUP BY sku_id),
ordered AS (
    SELECT l.sku_id, sum(l.quantity) FILTER (WHERE o.goods = 'held') AS held,
           sum(l.quantity) FILTER (WHERE o.goods = 'sold') AS sold
    FROM order_lines l JOIN orders o ON o.id = l.order_id GROUP BY l.sku_id)
SELECT s.id AS sku_id, s.stock, ledger.available, ledger.held, ordered.held AS ordered_held, ledger.sold,
       ordered.sold AS ordered_sold
FROM skus s LEFT JOIN ledger ON ledger.sku_id = s.id LEFT JOIN ordered ON ordered.sku_id = s.id
WHERE s.stock < 0 OR s.stock <> coalesce(ledger.available, 0)
   OR coalesce(ledger.held, 0) <> coalesce(ordered.held, 0) OR coalesce(ledger.sold, 0) <> coalesce(ordered.sold, 0)
"""

# One order a checkout, and what it costs is what its lines, discount and freight come to.
TOTALS: Final = """
SELECT o.id AS order_id, o.checkout_id, o.total FROM orders o
LEFT JOIN (SELECT order_id, sum(quantity * unit_price) AS goods, sum(discount) AS discount
           FROM order_lines GROUP BY order_id) l ON l.order_id = o.id
WHERE o.goods_total IS DISTINCT FROM l.goods OR o.discount IS DISTINCT FROM l.discount
   OR o.total <> o.goods_total - o.discount + o.freight
UNION ALL
SELECT min(id), checkout_id, count(*) FROM orders GROUP BY checkout_id HAVING count(*) > 1
"""

# No coupon is used more often than it may be, and its count is the count of its orders; the same for windows.
COUPONS: Final = """
SELECT 'coupon' AS what, c.id, c.used AS counted, count(r.order_id) AS found FROM coupons c
LEFT JOIN coupon_redemptions r ON r.coupon_id = c.id AND r.released_at IS NULL
GROUP BY c.id HAVING c.used <> count(r.order_id) OR count(r.order_id) > c."limit"
UNION ALL
SELECT 'coupon of a cancelled order', r.coupon_id, 0, count(*) FROM coupon_redemptions r
JOIN orders o ON o.id = r.order_id WHERE o.fulfilment = 'cancelled' AND r.released_at IS NULL GROUP BY r.coupon_id
UNION ALL
SELECT 'window', w.id, w.taken, count(o.id) FROM delivery_windows w
LEFT JOIN orders o ON o.window_id = w.id AND o.fulfilment <> 'cancelled'
GROUP BY w.id HAVING w.taken <> count(o.id) OR count(o.id) > w.capacity
"""


def _legal() -> str:
    steps = [("fulfilment", "", "placed"), ("payment", "", "due")]
    steps += [("fulfilment", old, new) for old, news in FULFILMENT_TRANSITIONS.items() for new in news]
    steps += [("payment", old, new) for old, news in PAYMENT_TRANSITIONS.items() for new in news]
    return ", ".join(f"('{machine}', '{old}', '{new}')" for machine, old, new in sorted(steps))


# Every story has only legal steps, each begins where the one before ended, and the last is where the order is.
HISTORY: Final = f"""
WITH steps AS (
    SELECT order_id, id, machine, old, new,
           lag(new, 1, CASE machine WHEN 'payment' THEN 'due' ELSE '' END)
               OVER (PARTITION BY order_id, machine ORDER BY id) AS before,
           lead(new) OVER (PARTITION BY order_id, machine ORDER BY id) IS NULL AS is_last
    FROM order_events WHERE machine IN ('fulfilment', 'payment'))
SELECT s.order_id, s.machine, s.old, s.new FROM steps s JOIN orders o ON o.id = s.order_id
WHERE s.old <> s.before OR (s.machine, s.old, s.new) NOT IN ({_legal()})
   OR (s.is_last AND s.new <> CASE s.machine WHEN 'payment' THEN o.payment ELSE o.fulfilment END)
UNION ALL
SELECT o.id, 'fulfilment', '', 'no story' FROM orders o
WHERE NOT EXISTS (SELECT FROM order_events e WHERE e.order_id = o.id AND e.machine = 'fulfilment')
"""  # noqa: S608 - the shop's own words

# By their numbers in the list of the shop's promises.
INVARIANTS: Final[Mapping[str, str]] = {"I1": STOCK, "I4": TOTALS, "I7": COUPONS, "I9": HISTORY}


async def broken(conn: Connection) -> dict[str, list[Row]]:
    """The rows that break each invariant, by its number; empty when all hold."""
    found = {name: await conn.fetch_all(sql) for name, sql in INVARIANTS.items()}
    return {name: rows for name, rows in found.items() if rows}
