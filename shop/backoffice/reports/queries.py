"""Reports: what was sold, what runs out, what was searched in vain. Money is minor units; days are days of the shop's time zone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from shop.db import Connection
from shop.i18n import text_in
from shop.search.models import Miss

# What is sold in these weeks says how long the stock lasts.
SELLING_DAYS = 28
RUNS_OUT_DAYS = 7
MOST_DAYS = 366


@dataclass(frozen=True, slots=True)
class SalesDay:
    """One day: orders that were placed and not cancelled, what they came to, and what of it went back."""

    day: date
    orders: int
    revenue: int
    refunded: int


@dataclass(frozen=True, slots=True)
class Seller:
    """A SKU with its name, the units sold and what they came to after discounts."""

    sku_id: int
    product_id: int
    code: str
    name: str
    units: int
    revenue: int


@dataclass(frozen=True, slots=True)
class Shortage:
    """A SKU whose stock ends soon: units there, units sold in SELLING_DAYS, and for how many days that lasts."""

    sku_id: int
    product_id: int
    code: str
    name: str
    stock: int
    sold: int
    days_left: int


async def sales_by_day(conn: Connection, first: date, last: date, zone: ZoneInfo) -> Sequence[SalesDay]:
    """Every day from `first` to `last`, also those without an order; at most MOST_DAYS."""
    rows = await conn.fetch_all(SALES, {"first": first, "last": last, "zone": zone.key, "most": MOST_DAYS})
    return [SalesDay(row.day, int(row.orders), int(row.revenue), int(row.refunded)) for row in rows]


async def best_sellers(
    conn: Connection, first: date, last: date, zone: ZoneInfo, lang: str, limit: int = 20
) -> Sequence[Seller]:
    """The SKUs that brought most, the best first."""
    rows = await conn.fetch_all(SELLERS, {"first": first, "last": last, "zone": zone.key, "limit": limit})
    return [
        Seller(
            row.sku_id, row.product_id, row.code, _name(row.name, row.sku_name, lang), int(row.units), int(row.revenue)
        )
        for row in rows
    ]


async def running_out(conn: Connection, lang: str, limit: int = 50) -> Sequence[Shortage]:
    """What is sold out or will be within RUNS_OUT_DAYS at the pace of the last weeks, the most urgent first."""
    rows = await conn.fetch_all(SHORTAGES, {"days": SELLING_DAYS, "within": RUNS_OUT_DAYS, "limit": limit})
    return [
        Shortage(
            row.sku_id,
            row.product_id,
            row.code,
            _name(row.name, row.sku_name, lang),
            row.stock,
            int(row.sold),
            int(row.days_left),
        )
        for row in rows
    ]


async def searched_in_vain(conn: Connection, limit: int = 50) -> list[Miss]:
    """The searches that found nothing, the most frequent first."""
    return await Miss.objects.using(conn).order_by("-times", "-last_at", "words")[:limit]


def _name(product: Mapping[str, str], sku: Mapping[str, str], lang: str) -> str:
    words = (text_in(product, lang), text_in(sku, lang))
    return " ".join(word for word in words if word)


# A row for each day, orders or not, cut at midnight of the shop (generate_series, AT TIME ZONE).
SALES = """
SELECT d::date AS day, count(o.id) AS orders, coalesce(sum(o.total), 0) AS revenue,
       coalesce(sum(o.refunded), 0) AS refunded
FROM generate_series(%(first)s::date::timestamp, least(%(last)s::date, %(first)s::date + %(most)s::int - 1)::timestamp,
                     interval '1 day') d
LEFT JOIN orders o ON o.placed_at >= d AT TIME ZONE %(zone)s AND o.placed_at < (d + interval '1 day') AT TIME ZONE %(zone)s
    AND o.fulfilment <> 'cancelled'
GROUP BY d ORDER BY d
"""

# Sums over lines joined with their goods, ranked.
SELLERS = """
SELECT l.sku_id, l.product_id, s.code, p.name, s.name AS sku_name, sum(l.quantity) AS units,
       sum(l.quantity * l.unit_price - l.discount) AS revenue
FROM orders o JOIN order_lines l ON l.order_id = o.id JOIN skus s ON s.id = l.sku_id JOIN products p ON p.id = l.product_id
WHERE o.placed_at >= %(first)s::date::timestamp AT TIME ZONE %(zone)s
  AND o.placed_at < (%(last)s::date + 1)::timestamp AT TIME ZONE %(zone)s
  AND o.fulfilment NOT IN ('cancelled', 'returned')
GROUP BY l.sku_id, l.product_id, s.code, p.name, s.name ORDER BY revenue DESC, l.sku_id LIMIT %(limit)s
"""

# How many days are left is arithmetic over two tables, and decides the order.
SHORTAGES = """
WITH sold AS (
    SELECT l.sku_id, sum(l.quantity) AS units FROM orders o JOIN order_lines l ON l.order_id = o.id
    WHERE o.placed_at >= now() - make_interval(days => %(days)s) AND o.fulfilment NOT IN ('cancelled', 'returned')
    GROUP BY l.sku_id)
SELECT s.id AS sku_id, s.product_id, s.code, p.name, s.name AS sku_name, s.stock, coalesce(sold.units, 0) AS sold,
       CASE WHEN s.stock = 0 THEN 0 ELSE s.stock * %(days)s / sold.units END AS days_left
FROM skus s JOIN products p ON p.id = s.product_id LEFT JOIN sold ON sold.sku_id = s.id
WHERE s.status = 'online' AND p.status = 'online' AND p.deleted_at IS NULL
  AND (s.stock = 0 OR s.stock * %(days)s / sold.units < %(within)s)
ORDER BY days_left, sold DESC, s.id LIMIT %(limit)s
"""
