"""What can be told of the goods to those who look after them: drafts, what is offline and what is in the bin too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shop.catalog.models import Product, Sku
from shop.catalog.pictures.models import ProductPicture
from shop.catalog.queries import LOW_STOCK
from shop.db import Connection
from shop.db.keyset import BadCursor, Page

LARGEST_ID = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Narrowed:
    """What a list is narrowed by; "" and 0 do not narrow. `state` is a ProductStatus, "planned" or "bin"."""

    words: str = ""
    category_id: int = 0
    state: str = ""
    only_low: bool = False


@dataclass(frozen=True, slots=True)
class Listed:
    """A product with its sizes and the fingerprint of its first picture."""

    product: Product
    skus: Sequence[Sku]
    picture: str | None


async def listed_goods(conn: Connection, size: int, narrowed: Narrowed, *, after: str | None = None) -> Page[Listed]:
    """The goods, newest first; raises BadCursor for a place that was never given."""
    if after is not None and not (after.isascii() and after.isdigit() and len(after) <= 18):
        raise BadCursor(after)
    conditions = ["p.id < %(after)s", *_conditions(narrowed)]
    values = {
        "after": int(after) if after else LARGEST_ID,
        "words": f"%{_literal(narrowed.words)}%",
        "category": narrowed.category_id,
        "status": narrowed.state,
        "low": LOW_STOCK,
        "limit": size + 1,
    }
    rows = await conn.fetch_all(LIST.format(conditions=" AND ".join(conditions)), values)
    ids = [row.id for row in rows[:size]]
    return Page(await goods_by_ids(conn, ids), str(ids[-1]) if len(rows) > size else None)


async def goods_by_ids(conn: Connection, ids: Sequence[int]) -> list[Listed]:
    """These products in this order; what does not exist is left out."""
    products = await Product.objects.using(conn).select_related("category").filter(id__in=list(ids)).in_bulk()
    skus: dict[int, list[Sku]] = {}
    for sku in await Sku.objects.using(conn).filter(product_id__in=list(ids)).order_by("product_id", "position", "id"):
        skus.setdefault(sku.product_id, []).append(sku)
    pictures = ProductPicture.objects.using(conn).filter(product_id__in=list(ids)).order_by("product_id", "-position")
    first = dict(await pictures.values_list("product_id", "fingerprint"))
    return [Listed(products[one], skus.get(one, []), first.get(one)) for one in ids if one in products]


def _conditions(narrowed: Narrowed) -> list[str]:
    found = ["p.deleted_at IS NOT NULL" if narrowed.state == "bin" else "p.deleted_at IS NULL"]
    if narrowed.words:
        found.append(WORDS)
    if narrowed.category_id:
        found.append(BELOW)
    if narrowed.state == "planned":
        found.append("num_nonnulls(p.online_from, p.online_until) > 0")
    elif narrowed.state not in {"", "bin"}:
        found.append("p.status = %(status)s")
    if narrowed.only_low:
        found.append(LOW)
    return found


def _literal(words: str) -> str:
    """Without what LIKE takes for a pattern."""
    return words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


# Conditions of the list, which is SQL because names are looked for in every language and categories down the tree.
LIST = "SELECT p.id FROM products p WHERE {conditions} ORDER BY p.id DESC LIMIT %(limit)s"
WORDS = """(EXISTS (SELECT FROM jsonb_each_text(p.name) n WHERE n.value ILIKE %(words)s)
    OR EXISTS (SELECT FROM skus s WHERE s.product_id = p.id AND s.code ILIKE %(words)s))"""
BELOW = """p.category_id IN (WITH RECURSIVE below (id) AS (
    SELECT %(category)s::bigint UNION SELECT c.id FROM categories c JOIN below b ON c.parent_id = b.id) SELECT id FROM below)"""
LOW = "EXISTS (SELECT FROM skus s WHERE s.product_id = p.id AND s.status = 'online' AND s.stock <= %(low)s)"
