"""What goes out as tables: each a header and lines in the order of their keys, fetched so many at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from shop.backoffice.tables.models import MOST_LINES, RefusedLine, TableImport
from shop.db import Connection
from shop.money import decimal_string
from shop.tables import Cell

AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Export:
    """A table by name: its columns as they stand in the first line, which of them are money, and where the lines come from.

    `sql` gives the columns and a `key`, for keys above %(after)s, at most %(limit)s of them. `tells_of_people` is for those
    only who may see customers.
    """

    name: str
    columns: tuple[str, ...]
    money: frozenset[str]
    sql: str
    tells_of_people: bool = False


@dataclass(frozen=True, slots=True)
class Slice:
    """Some lines, and the key after which the next begin; None behind the last."""

    lines: Sequence[Sequence[Cell]]
    after: int | None


async def lines_after(conn: Connection, export: Export, after: int, currency: str, zone: ZoneInfo) -> Slice:
    """The next lines of a table; the first begin after 0. Money is written as a decimal, times in the shop's time zone."""
    rows = await conn.fetch_all(export.sql, {"after": after, "limit": AT_ONCE})
    lines = [[_cell(export, name, row[name], currency, zone) for name in export.columns] for row in rows]
    return Slice(lines, rows[-1].key if rows else None)


async def latest_imports(conn: Connection, limit: int = 20) -> list[dict[str, Any]]:
    """What was brought last, without the files, newest first."""
    told = ("id", "kind", "state", "lines", "seen", "refused", "by", "created_at")
    return await TableImport.objects.using(conn).order_by("-id").values(*told)[:limit]


async def import_by_id(conn: Connection, import_id: int) -> TableImport | None:
    """A table that was brought, with its file."""
    return await TableImport.objects.using(conn).filter(id=import_id).first()


async def refused_lines(conn: Connection, import_id: int, limit: int = MOST_LINES) -> list[RefusedLine]:
    """The lines that cannot be taken over, in the order of the file."""
    return await RefusedLine.objects.using(conn).filter(import_id=import_id).order_by("line", "id")[:limit]


def _cell(export: Export, name: str, value: Any, currency: str, zone: ZoneInfo) -> Cell:
    if value is None:
        return ""
    if name in export.money:
        return decimal_string(int(value), currency)
    if isinstance(value, datetime):
        return value.astimezone(zone).strftime("%Y-%m-%d %H:%M")
    if isinstance(value, bool):
        return "yes" if value else "no"
    return int(value) if isinstance(value, int) else str(value)


# Texts are taken apart by language, in the words of the table.
PRODUCTS_SQL = """
SELECT s.id AS key, s.code, p.slugs->>'en' AS product, c.slugs->>'en' AS category, p.name->>'en' AS name_en,
       p.name->>'zh' AS name_zh, p.subtitle->>'en' AS subtitle_en, p.subtitle->>'zh' AS subtitle_zh,
       s.name->>'en' AS size_en, s.name->>'zh' AS size_zh, s.unit->>'en' AS unit_en, s.unit->>'zh' AS unit_zh,
       s.price, s.offer_price, s.offer_from, s.offer_until, s.weight, s.tax_class, s.keeping, p.shelf_life_days,
       CASE WHEN p.status = 'online' THEN s.status ELSE p.status END AS status, s.stock, s.sold
FROM skus s JOIN products p ON p.id = s.product_id JOIN categories c ON c.id = s.category_id
WHERE s.id > %(after)s AND p.deleted_at IS NULL ORDER BY s.id LIMIT %(limit)s
"""

# What lies on the shelf is what can be sold and what is to be packed: a sum over the open orders of each SKU.
STOCK_SQL = """
SELECT s.id AS key, s.code, p.name->>'en' AS name_en, p.name->>'zh' AS name_zh, s.stock, coalesce(h.units, 0) AS to_pack
FROM skus s JOIN products p ON p.id = s.product_id LEFT JOIN LATERAL (
    SELECT sum(l.quantity) AS units FROM order_lines l JOIN orders o ON o.id = l.order_id
    WHERE l.sku_id = s.id AND o.fulfilment = 'placed') h ON true
WHERE s.id > %(after)s AND p.deleted_at IS NULL ORDER BY s.id LIMIT %(limit)s
"""

# A line of the table for each line of an order, addresses taken apart.
ORDERS_SQL = """
SELECT l.id AS key, o.number, o.placed_at, o.fulfilment, o.payment, o.method, o.currency, s.code,
       coalesce(l.name->>o.lang, l.name->>'en') AS name, l.quantity, l.unit_price, l.discount AS line_discount,
       (l.tax_rate / 100.0)::numeric(6, 2)::text || '%%' AS tax_rate, o.discount AS order_discount, o.freight, o.total,
       o.refunded, o.email, o.address->>'receiver' AS receiver, o.address->>'city' AS city,
       o.address->>'postcode' AS postcode, o.starts_at AS window_from, o.ends_at AS window_until,
       o.coupon_code AS coupon
FROM order_lines l JOIN orders o ON o.id = l.order_id JOIN skus s ON s.id = l.sku_id
WHERE l.id > %(after)s ORDER BY l.id LIMIT %(limit)s
"""

# The tax contained in what was delivered, by order and rate: sums over lines and freight, rounded as receipts round.
TAX_SQL = """
SELECT o.id AS key, o.number, o.placed_at AS day, (t.rate / 100.0)::numeric(6, 2)::text || '%%' AS tax_rate, t.gross,
       round(t.gross * t.rate::numeric / (10000 + t.rate)) AS tax, o.currency
FROM (SELECT * FROM orders WHERE id > %(after)s AND goods = 'sold' ORDER BY id LIMIT %(limit)s) o
JOIN LATERAL (
    SELECT rate, sum(gross) AS gross FROM (
        SELECT tax_rate AS rate, quantity * unit_price - discount AS gross FROM order_lines WHERE order_id = o.id
        UNION ALL SELECT o.freight_tax_rate, o.freight) parts
    GROUP BY rate HAVING sum(gross) > 0) t ON true
ORDER BY o.id, t.rate
"""

# A join ordered by the key of its first table, so that it can be fetched piece by piece.
PAYMENTS_SQL = """
SELECT p.id AS key, o.number, p.provider, p.reference, p.trade_no, p.state, p.amount, p.refunded, p.currency,
       p.started_at, p.settled_at
FROM payments p JOIN orders o ON o.id = p.order_id WHERE p.id > %(after)s ORDER BY p.id LIMIT %(limit)s
"""

# As above.
REFUNDS_SQL = """
SELECT r.id AS key, o.number, p.provider, p.reference, r.state, r.amount, p.currency, r.reason, r.asked_at, r.settled_at
FROM refunds r JOIN payments p ON p.id = r.payment_id JOIN orders o ON o.id = p.order_id
WHERE r.id > %(after)s ORDER BY r.id LIMIT %(limit)s
"""

PRODUCTS = Export(
    "products",
    (
        "code", "product", "category", "name_en", "name_zh", "subtitle_en", "subtitle_zh", "size_en", "size_zh",
        "unit_en", "unit_zh", "price", "offer_price", "offer_from", "offer_until", "weight", "tax_class", "keeping",
        "shelf_life_days", "status", "stock", "sold",
    ),
    frozenset({"price", "offer_price"}),
    PRODUCTS_SQL,
)  # fmt: skip

STOCK = Export(
    "stock",
    ("code", "name_en", "name_zh", "stock", "to_pack"),
    frozenset(),
    STOCK_SQL,
)

ORDERS = Export(
    "orders",
    (
        "number", "placed_at", "fulfilment", "payment", "method", "currency", "code", "name", "quantity", "unit_price",
        "line_discount", "tax_rate", "order_discount", "freight", "total", "refunded", "email", "receiver", "city",
        "postcode", "window_from", "window_until", "coupon",
    ),
    frozenset({"unit_price", "line_discount", "order_discount", "freight", "total", "refunded"}),
    ORDERS_SQL,
    tells_of_people=True,
)  # fmt: skip

TAX = Export(
    "tax",
    ("number", "day", "tax_rate", "gross", "tax", "currency"),
    frozenset({"gross", "tax"}),
    TAX_SQL,
)

PAYMENTS = Export(
    "payments",
    (
        "number",
        "provider",
        "reference",
        "trade_no",
        "state",
        "amount",
        "refunded",
        "currency",
        "started_at",
        "settled_at",
    ),
    frozenset({"amount", "refunded"}),
    PAYMENTS_SQL,
)

REFUNDS = Export(
    "refunds",
    ("number", "provider", "reference", "state", "amount", "currency", "reason", "asked_at", "settled_at"),
    frozenset({"amount"}),
    REFUNDS_SQL,
)

EXPORTS: Mapping[str, Export] = {export.name: export for export in (PRODUCTS, STOCK, ORDERS, PAYMENTS, REFUNDS, TAX)}

# What a table to be brought looks like: the names of its columns, and one line as an example.
TEMPLATES: Mapping[str, list[list[Cell]]] = {
    "products": [
        [
            "code", "product", "category", "name_en", "name_zh", "subtitle_en", "subtitle_zh", "size_en", "size_zh", "unit_en",
            "unit_zh", "price", "weight", "tax_class", "keeping", "shelf_life_days", "status",
        ],
        [
            "FUJI-500", "fuji-apples", "fruit", "Fuji apples", "富士苹果", "Crisp and sweet", "脆甜多汁", "", "", "500 g", "500 克",
            "12.50", 500, "reduced", "chilled", 21, "draft",
        ],
    ],
    "stock": [["code", "stock"], ["FUJI-500", 40]],
}  # fmt: skip
