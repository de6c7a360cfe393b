"""What search engines are told of: every category, page and product that can be seen, with its addresses."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from shop.db import Connection

PART = 1000  # product ids a part


@dataclass(frozen=True, slots=True)
class Seen:
    """Something with an address in each language (`slugs`) and the time of its last change."""

    slugs: Mapping[str, str]
    updated_at: datetime


async def parts_of_products(conn: Connection) -> int:
    """How many parts the products fill."""
    last = await conn.fetch_value("SELECT max(id) FROM products")
    return 0 if last is None else int(last) // PART + 1


async def products_of_part(conn: Connection, part: int) -> list[Seen]:
    """The products of one part, counted from 0, that are on sale."""
    rows = await conn.fetch_all(PRODUCTS, {"first": part * PART, "end": (part + 1) * PART})
    return [Seen(row.slugs, row.updated_at) for row in rows]


async def visible_categories(conn: Connection) -> list[Seen]:
    """Every category that can be reached."""
    rows = await conn.fetch_all("SELECT slugs, updated_at FROM categories WHERE is_visible ORDER BY id")
    return [Seen(row.slugs, row.updated_at) for row in rows]


PRODUCTS = """
SELECT p.slugs, p.updated_at FROM products p JOIN skus s ON s.product_id = p.id AND s.is_listed
WHERE p.id >= %(first)s AND p.id < %(end)s AND p.status = 'online' AND p.deleted_at IS NULL ORDER BY p.id
"""
