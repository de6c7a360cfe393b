"""Lists of a category: ordered, filtered, page by page.

A page starts after a row, not after a number of rows: goods that come or go meanwhile neither repeat nor get lost.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from shop.catalog.listing.models import Place, Sort, Wish
from shop.catalog.queries import CARDS, OFFER_NOW, Card, cards_of
from shop.db import Connection
from shop.i18n import text_in


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list; `after` and `before` are where the next and the previous one begin, None at the ends."""

    cards: tuple[Card, ...]
    after: Place | None
    before: Place | None


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of a filter and how many goods of the category have it."""

    value: str
    name: str
    goods: int
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Facets:
    """The filters the goods of a category offer; `keepings` are named by the page."""

    origins: tuple[Choice, ...]
    keepings: tuple[Choice, ...]
    goods: int


async def page_of_category(conn: Connection, category_ids: Sequence[int], wish: Wish, lang: str, size: int) -> Page:
    """The goods of these categories as wished, `size` at most."""
    order, ascends = ORDERS[wish.sort]
    backwards = wish.before is not None
    place = wish.before or wish.after
    conditions, params = _conditions(category_ids, wish)
    if place is not None:
        sign = ">" if ascends is not backwards else "<"
        conditions.append(f"({order}, s.id) {sign} (%(value)s, %(sku_id)s)")
        params |= {"value": place.value, "sku_id": place.sku_id}
    way = "ASC" if ascends is not backwards else "DESC"
    # The common order is the index's own; a constant first column would hide that from the planner.
    keys = f"s.id {way}" if order == "s.id" else f"{order} {way}, s.id {way}"
    # The page's goods are found among SKUs alone: all else is looked up for them, not for every good of a large category.
    found = f"SELECT s.id FROM skus s WHERE s.is_listed AND {' AND '.join(conditions)} ORDER BY {keys} LIMIT %(n)s"  # noqa: S608
    sql = f"{CARDS} AND s.id IN ({found}) ORDER BY {keys}"
    # With each row what it is sorted by: there the next page begins.
    sql = sql.replace("SELECT p.id,", f"SELECT {order} AS sort_value, p.id,", 1)
    rows = await conn.fetch_all(sql, {**params, "n": size + 1})
    more = len(rows) > size
    rows = rows[:size][::-1] if backwards else rows[:size]
    return _page(rows, more, wish, lang)


async def facets_of(conn: Connection, category_ids: Sequence[int], wish: Wish, lang: str) -> Facets:
    """What the goods of these categories can be filtered by; each filter counts within the others that are chosen."""
    rows = await conn.fetch_all(FACETS, {"categories": list(category_ids)})
    origins: dict[str, tuple[str, int]] = {}
    keepings: dict[str, int] = {}
    for row in rows:
        fits_origin = not wish.origins or row.code in wish.origins
        fits_keeping = not wish.keepings or row.keeping in wish.keepings
        if row.code is not None:
            name, goods = origins.get(row.code, (text_in(row.name, lang), 0))
            origins[row.code] = (name, goods + row.goods * fits_keeping)
        keepings[row.keeping] = keepings.get(row.keeping, 0) + row.goods * fits_origin
    places = [Choice(code, name, goods, code in wish.origins) for code, (name, goods) in origins.items()]
    ways = [Choice(keeping, keeping, goods, keeping in wish.keepings) for keeping, goods in keepings.items()]
    everything = sum(row.goods for row in rows)
    return Facets(tuple(sorted(places, key=lambda c: (-c.goods, c.name))), tuple(ways), everything)


PRICE_NOW = f"coalesce({OFFER_NOW}, s.price)"

# The SQL of the sort value, and whether it ascends. Ties are settled by the SKU's id.
ORDERS: dict[Sort, tuple[str, bool]] = {
    Sort.DEFAULT: ("s.featured", False),
    Sort.CHEAPEST: (PRICE_NOW, True),
    Sort.DEAREST: (PRICE_NOW, False),
    Sort.POPULAR: ("s.sold", False),
    Sort.NEWEST: ("s.id", False),
}

# Origin 0 stands for none, so there is no foreign key that a manager could follow.
FACETS = """
SELECT f.keeping, o.code, o.name, sum(f.goods)::bigint AS goods
FROM category_facets f LEFT JOIN origins o ON o.id = f.origin_id
WHERE f.category_id = ANY(%(categories)s) AND f.goods > 0 GROUP BY f.keeping, o.code, o.name ORDER BY f.keeping
"""


def _conditions(category_ids: Sequence[int], wish: Wish) -> tuple[list[str], dict[str, Any]]:
    # One category by equality: then the index gives the order too.
    one = len(category_ids) == 1
    conditions = ["s.category_id = %(category)s" if one else "s.category_id = ANY(%(category)s)"]
    params: dict[str, Any] = {"category": category_ids[0] if one else list(category_ids)}
    if wish.origins:
        # A condition of the lists, which are SQL for the sake of CARDS.
        conditions.append("s.origin_id IN (SELECT id FROM origins WHERE code = ANY(%(origins)s))")
        params["origins"] = list(wish.origins)
    if wish.keepings:
        conditions.append("s.keeping = ANY(%(keepings)s)")
        params["keepings"] = list(wish.keepings)
    if wish.only_offers:
        conditions.append("s.offer_from <= now() AND now() < s.offer_until")
    if wish.only_stock:
        conditions.append("s.stock > 0")
    return conditions, params


def _page(rows: list[Any], more: bool, wish: Wish, lang: str) -> Page:
    cards = tuple(cards_of(rows, lang))
    if not cards:
        return Page((), None, None)
    first, last = (Place(row.sort_value, row.sku_id) for row in (rows[0], rows[-1]))
    follows = more if wish.before is None else True
    precedes = more if wish.before is not None else wish.after is not None
    return Page(cards, last if follows else None, first if precedes else None)
