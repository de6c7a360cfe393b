"""What the catalogue can tell: goods as a visitor sees them, in the visitor's language, prices in minor units.

Goods that are offline or deleted do not exist here: no function of this file returns them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from markupsafe import Markup

from shop.catalog.categories.queries import CategoryLink, trail_of
from shop.catalog.pictures.queries import Picture, picture_of
from shop.db import Connection, Row
from shop.i18n import text_in
from shop.money import price_per_kg
from shop.richtext import clean

LOW_STOCK = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Priced:
    """What a SKU costs and whether it can be had; `offer_price` is None unless the offer runs now."""

    price: int
    offer_price: int | None
    offer_until: datetime | None
    price_per_kg: int | None
    stock: int

    @property
    def price_now(self) -> int:
        return self.price if self.offer_price is None else self.offer_price

    @property
    def sold_out(self) -> bool:
        return self.stock == 0

    @property
    def nearly_gone(self) -> bool:
        return 0 < self.stock <= LOW_STOCK


@dataclass(frozen=True, slots=True, kw_only=True)
class Card(Priced):
    """One product in a list, shown by its first SKU; `choices` counts the SKUs one can choose from."""

    id: int
    sku_id: int
    slug: str
    name: str
    subtitle: str
    unit: str
    choices: int
    category_name: str
    picture: Picture | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SkuChoice(Priced):
    """One SKU of a product page; `weight` in grams, `allergens` as codes of models.ALLERGENS."""

    id: int
    code: str
    name: str
    unit: str
    weight: int
    origin: str
    allergens: tuple[str, ...]
    tax_class: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductPage:
    """Everything a product page says; `description` is clean HTML, `trail` leads from the root to it."""

    id: int
    slug: str
    slugs: Mapping[str, str]
    name: str
    subtitle: str
    description: Markup
    ingredients: str
    storage: str
    keeping: str
    shelf_life_days: int | None
    trail: tuple[CategoryLink, ...]
    pictures: tuple[Picture, ...]
    skus: tuple[SkuChoice, ...]

    @property
    def category(self) -> CategoryLink:
        return self.trail[-1]

    def sku(self, code: str | None) -> SkuChoice:
        """The SKU with that code, else the first that is in stock, else the first."""
        asked = (sku for sku in self.skus if sku.code == code)
        return next(asked, None) or next((sku for sku in self.skus if not sku.sold_out), self.skus[0])


@dataclass(frozen=True, slots=True)
class Moved:
    """The address is not (or no longer) the right one: the same thing lives under this slug."""

    slug: str


async def product_by_slug(conn: Connection, slug: str, lang: str) -> ProductPage | Moved | None:
    """The product with that slug; Moved when its address in this language is another, None when it is not sold."""
    product = await conn.fetch_one(PRODUCT, {"slug": slug, "lang": lang})
    if product is None:
        return None
    current = text_in(product.slugs, lang)
    return await _page_of(conn, product, lang) if current == slug else Moved(current)


async def product_in_preview(conn: Connection, product_id: int, lang: str) -> ProductPage | None:
    """The page of a product as it would be if it were online, for staff; None when it has no size that is online."""
    product = await conn.fetch_one(ANY_PRODUCT, {"id": product_id})
    return None if product is None else await _page_of(conn, product, lang)


async def _page_of(conn: Connection, product: Row, lang: str) -> ProductPage | None:
    skus = [_choice(row, lang) for row in await conn.fetch_all(SKUS, {"id": product.id})]
    if not skus:
        return None
    pictures = [picture_of(row, lang) for row in await conn.fetch_all(PICTURES, {"id": product.id})]
    return ProductPage(
        id=product.id,
        slug=text_in(product.slugs, lang),
        slugs=product.slugs,
        name=text_in(product.name, lang),
        subtitle=text_in(product.subtitle, lang),
        description=clean(text_in(product.description, lang)),
        ingredients=text_in(product.ingredients, lang),
        storage=text_in(product.storage, lang),
        keeping=product.keeping,
        shelf_life_days=product.shelf_life_days,
        trail=await trail_of(conn, product.category_id, lang),
        pictures=tuple(picture for picture in pictures if picture is not None),
        skus=tuple(skus),
    )


async def products_by_ids(conn: Connection, ids: Sequence[int], lang: str) -> list[Card]:
    """Cards of these products in the order of `ids`; ids that are not (or no longer) sold are left out."""
    cards = await _cards(conn, f"{CARDS} AND p.id = ANY(%(ids)s)", {"ids": list(ids)}, lang)
    by_id = {card.id: card for card in cards}
    return [by_id[product_id] for product_id in ids if product_id in by_id]


async def newest_cards(
    conn: Connection, category_ids: Sequence[int], lang: str, limit: int, without: Sequence[int] = ()
) -> list[Card]:
    """The newest goods of these categories, `without` some products."""
    # One category by equality: then the index gives the order too.
    one = len(category_ids) == 1
    within = "s.category_id = %(category)s" if one else "s.category_id = ANY(%(category)s)"
    sql = f"{CARDS} AND {within} AND p.id <> ALL(%(without)s) ORDER BY s.id DESC LIMIT %(n)s"
    params = {"category": category_ids[0] if one else list(category_ids), "without": list(without), "n": limit}
    return await _cards(conn, sql, params, lang)


async def related_cards(conn: Connection, product: ProductPage, lang: str, limit: int) -> list[Card]:
    """Its neighbours in the category: those put on sale before it, and after the first of all the last again."""
    sql = f"{CARDS} AND s.category_id = %(category)s AND s.id < %(sku)s ORDER BY s.id DESC LIMIT %(n)s"
    first_sku = min(sku.id for sku in product.skus)
    cards = await _cards(conn, sql, {"category": product.category.id, "sku": first_sku, "n": limit}, lang)
    if len(cards) < limit:
        again = await newest_cards(conn, [product.category.id], lang, limit, without=[product.id])
        shown = {card.id for card in cards}
        cards += [card for card in again if card.id not in shown][: limit - len(cards)]
    return cards


async def next_offer_turn(conn: Connection) -> datetime | None:
    """When, within the next minute, an offer starts or ends; None when none does."""
    turn: datetime | None = await conn.fetch_value(NEXT_OFFER_TURN)
    return turn


OFFER_NOW = "CASE WHEN s.offer_from <= now() AND now() < s.offer_until THEN s.offer_price END"

# Lists are measured (tests/bench/pages.py): one trip, with the price of this moment, the first picture and the choices.
CARDS = f"""
SELECT p.id, s.id AS sku_id, p.slugs, p.name, p.subtitle, s.unit, s.price, {OFFER_NOW} AS offer_price, s.offer_until,
       s.weight, s.sold_by_weight, s.stock, c.name AS category_name, pic.fingerprint, pic.alt, pic.width, pic.height,
       (SELECT count(*) FROM skus o WHERE o.product_id = p.id AND o.status = 'online') AS choices
FROM skus s
JOIN products p ON p.id = s.product_id
JOIN categories c ON c.id = s.category_id
LEFT JOIN LATERAL (
    SELECT fingerprint, alt, width, height FROM pictures JOIN media_files USING (fingerprint)
    WHERE product_id = p.id ORDER BY position LIMIT 1) pic ON true
WHERE s.is_listed AND p.status = 'online' AND p.deleted_at IS NULL
"""  # noqa: S608 - the shop's own words, no visitor's

# Two small stretches of two indexes; one aggregate over all offers would read them all.
NEXT_OFFER_TURN = """
SELECT least(
    (SELECT min(offer_from) FROM skus
     WHERE offer_price IS NOT NULL AND offer_from > now() AND offer_from < now() + interval '1 minute'),
    (SELECT min(offer_until) FROM skus
     WHERE offer_price IS NOT NULL AND offer_until > now() AND offer_until < now() + interval '1 minute'))
"""

# The product page is measured, too. An address counts first in the language of the visitor, then if it is today's.
TEXTS = """p.id, p.category_id, p.slugs, p.name, p.subtitle, p.description, p.ingredients, p.storage, p.keeping,
       p.shelf_life_days"""
# As TEXTS and their measure say.
PRODUCT = f"""
SELECT {TEXTS}
FROM product_slugs u JOIN products p ON p.id = u.product_id
WHERE u.slug = %(slug)s AND p.status = 'online' AND p.deleted_at IS NULL
ORDER BY u.lang = %(lang)s DESC, u.is_current DESC LIMIT 1
"""  # noqa: S608 - the shop's own words, no visitor's
# In the form of row of the page above.
ANY_PRODUCT = f"SELECT {TEXTS} FROM products p WHERE p.id = %(id)s"  # noqa: S608 - the shop's own words

# With the price of this moment, by the server's clock.
SKUS = f"""
SELECT s.id, s.code, s.name, s.unit, s.price, {OFFER_NOW} AS offer_price, s.offer_until, s.weight, s.sold_by_weight,
       s.stock, s.allergens, s.tax_class, o.name AS origin
FROM skus s LEFT JOIN origins o ON o.id = s.origin_id
WHERE s.product_id = %(id)s AND s.status = 'online' ORDER BY s.position, s.id
"""  # noqa: S608 - the shop's own words, no visitor's

# In the form of row that every picture of the catalogue comes in, those found by LATERAL as well.
PICTURES = """
SELECT fingerprint, alt, width, height FROM pictures JOIN media_files USING (fingerprint)
WHERE product_id = %(id)s ORDER BY position
"""


async def _cards(conn: Connection, sql: str, params: dict[str, Any], lang: str) -> list[Card]:
    return cards_of(await conn.fetch_all(sql, params), lang)


def cards_of(rows: Iterable[Any], lang: str) -> list[Card]:
    """The cards of rows that CARDS gave."""
    return [
        Card(
            id=row.id,
            sku_id=row.sku_id,
            slug=text_in(row.slugs, lang),
            name=text_in(row.name, lang),
            subtitle=text_in(row.subtitle, lang),
            unit=text_in(row.unit, lang),
            choices=row.choices,
            category_name=text_in(row.category_name, lang),
            picture=picture_of(row, lang),
            **_priced(row),
        )
        for row in rows
    ]


def _choice(row: Any, lang: str) -> SkuChoice:
    return SkuChoice(
        id=row.id,
        code=row.code,
        name=text_in(row.name, lang),
        unit=text_in(row.unit, lang),
        weight=row.weight,
        origin=text_in(row.origin, lang),
        allergens=tuple(row.allergens),
        tax_class=row.tax_class,
        **_priced(row),
    )


def _priced(row: Any) -> dict[str, Any]:
    price_now = row.price if row.offer_price is None else row.offer_price
    return {
        "price": row.price,
        "offer_price": row.offer_price,
        "offer_until": None if row.offer_price is None else row.offer_until,
        "price_per_kg": price_per_kg(price_now, row.weight) if row.sold_by_weight else None,
        "stock": row.stock,
    }
