"""What the shop does with its goods: put them on sale, rename, move, take off. Transactions are the caller's."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shop.catalog.words.service import refresh_words
from shop.db import Connection

SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
LONGEST_SLUG = 80


class SlugTaken(Exception):
    """Another product lives (or lived) at that address; `args` is (lang, slug)."""


class SlugMalformed(ValueError):
    """A slug is lower-case Latin letters and digits with single hyphens between, 80 at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewProduct:
    """A product as an editor writes it; texts per language."""

    category_id: int
    name: Mapping[str, str]
    slugs: Mapping[str, str]
    subtitle: Mapping[str, str] = field(default_factory=dict)
    description: Mapping[str, str] = field(default_factory=dict)
    ingredients: Mapping[str, str] = field(default_factory=dict)
    storage: Mapping[str, str] = field(default_factory=dict)
    keeping: str = "ambient"
    shelf_life_days: int | None = None
    status: str = "online"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSku:
    """One size of a product: prices in minor units, weight in grams; an offer has all of price, start and end."""

    code: str
    unit: Mapping[str, str]
    price: int
    weight: int
    name: Mapping[str, str] = field(default_factory=dict)
    offer: tuple[int, Any, Any] | None = None
    sold_by_weight: bool = True
    stock: int = 0
    origin_id: int | None = None
    allergens: tuple[str, ...] = ()
    tax_class: str = "reduced"
    position: int = 0


async def add_category(
    conn: Connection,
    *,
    name: Mapping[str, str],
    slugs: Mapping[str, str],
    description: Mapping[str, str] | None = None,
    parent_id: int | None = None,
    picture: str | None = None,
    position: int = 0,
) -> int:
    """A new branch of the tree; its id. Raises SlugTaken and SlugMalformed."""
    values = {"parent_id": parent_id, "name": dict(name), "description": dict(description or {}), "picture": picture}
    category_id = int(await conn.fetch_value(ADD_CATEGORY, {**values, "position": position}))
    await rename_category(conn, category_id, slugs)
    return category_id


async def rename_category(conn: Connection, category_id: int, slugs: Mapping[str, str]) -> None:
    """Gives a category its addresses; the old ones redirect. Raises SlugTaken and SlugMalformed."""
    for lang, slug in slugs.items():
        await _take_slug(conn, "category", category_id, lang, slug)
    await conn.execute(SET_CATEGORY_SLUGS, {"id": category_id})


async def add_product(conn: Connection, product: NewProduct) -> int:
    """A new product without sizes; its id. Raises SlugTaken and SlugMalformed."""
    values = {name: getattr(product, name) for name in PRODUCT_FIELDS}
    texts = {name: dict(getattr(product, name)) for name in PRODUCT_TEXTS}
    product_id = int(await conn.fetch_value(ADD_PRODUCT, {**values, **texts}))
    await rename_product(conn, product_id, product.slugs)
    await refresh_words(conn, [product_id])
    return product_id


async def rename_product(conn: Connection, product_id: int, slugs: Mapping[str, str]) -> None:
    """Gives a product its addresses; the old ones redirect. Raises SlugTaken and SlugMalformed."""
    for lang, slug in slugs.items():
        await _take_slug(conn, "product", product_id, lang, slug)
    await conn.execute(SET_PRODUCT_SLUGS, {"id": product_id})


async def add_sku(conn: Connection, product_id: int, sku: NewSku) -> int:
    """A new size of a product; its id."""
    price, since, until = sku.offer or (None, None, None)
    values = {name: getattr(sku, name) for name in SKU_FIELDS}
    values |= {"name": dict(sku.name), "unit": dict(sku.unit), "allergens": list(sku.allergens)}
    values |= {"product_id": product_id, "offer_price": price, "offer_from": since, "offer_until": until}
    return int(await conn.fetch_value(ADD_SKU, values))


async def add_picture(
    conn: Connection, product_id: int, fingerprint: str, alt: Mapping[str, str], position: int
) -> None:
    """Hangs a stored picture into a product's gallery."""
    values = {"product_id": product_id, "fingerprint": fingerprint, "alt": dict(alt), "position": position}
    await conn.execute(ADD_PICTURE, values)


async def describe_product(conn: Connection, product_id: int, texts: Mapping[str, Mapping[str, str]]) -> None:
    """Changes texts of a product: some of name, subtitle, description, ingredients and storage, each per language."""
    unknown = texts.keys() - set(PRODUCT_TEXTS)
    if unknown:
        raise ValueError(f"a product has no text called {', '.join(sorted(unknown))}")
    changes = ", ".join(f"{name} = %({name})s" for name in texts)
    sql = f"UPDATE products SET {changes}, updated_at = now() WHERE id = %(id)s"  # noqa: S608 - names checked above
    await conn.execute(sql, {"id": product_id, **{name: dict(text) for name, text in texts.items()}})
    await refresh_words(conn, [product_id])


async def move_product(conn: Connection, product_id: int, category_id: int) -> None:
    """Puts a product, with all its sizes, into another category."""
    await conn.execute(MOVE, {"id": product_id, "category_id": category_id})
    await refresh_words(conn, [product_id])


async def set_status(conn: Connection, product_id: int, status: str) -> None:
    """Puts a product on sale ("online") or takes it off ("offline", "draft")."""
    await conn.execute(SET_STATUS, {"id": product_id, "status": status})


async def bin_product(conn: Connection, product_id: int) -> None:
    """Takes a product off for good; orders still know what it was."""
    await conn.execute(BIN, {"id": product_id})


async def restore_product(conn: Connection, product_id: int) -> None:
    """Takes a product out of the bin."""
    await conn.execute(RESTORE, {"id": product_id})


async def _take_slug(conn: Connection, kind: str, owner_id: int, lang: str, slug: str) -> None:
    if len(slug) > LONGEST_SLUG or not SLUG.fullmatch(slug):
        raise SlugMalformed(slug)
    table, column = SLUG_TABLES[kind]
    values = {"owner": owner_id, "lang": lang, "slug": slug}
    await conn.execute(GIVE_UP_SLUG.format(table=table, column=column), values)
    if not await conn.execute(TAKE_SLUG.format(table=table, column=column), values):
        raise SlugTaken(lang, slug)


PRODUCT_TEXTS = ("name", "subtitle", "description", "ingredients", "storage")
PRODUCT_FIELDS = ("category_id", "keeping", "shelf_life_days", "status")
SKU_FIELDS = ("code", "price", "weight", "sold_by_weight", "stock", "origin_id", "tax_class", "position")
SLUG_TABLES = {"category": ("category_slugs", "category_id"), "product": ("product_slugs", "product_id")}

ADD_CATEGORY = """
INSERT INTO categories (parent_id, name, description, picture, position)
VALUES (%(parent_id)s, %(name)s, %(description)s, %(picture)s, %(position)s) RETURNING id
"""
ADD_PRODUCT = """
INSERT INTO products (category_id, name, subtitle, description, ingredients, storage, keeping, shelf_life_days, status)
VALUES (%(category_id)s, %(name)s, %(subtitle)s, %(description)s, %(ingredients)s, %(storage)s, %(keeping)s,
        %(shelf_life_days)s, %(status)s) RETURNING id
"""
ADD_SKU = """
INSERT INTO skus (product_id, category_id, keeping, code, name, unit, price, offer_price, offer_from, offer_until, weight,
                  sold_by_weight, stock, origin_id, allergens, tax_class, position)
SELECT id, category_id, keeping, %(code)s, %(name)s, %(unit)s, %(price)s, %(offer_price)s, %(offer_from)s, %(offer_until)s,
       %(weight)s, %(sold_by_weight)s, %(stock)s, %(origin_id)s, %(allergens)s, %(tax_class)s, %(position)s
FROM products WHERE id = %(product_id)s RETURNING id
"""
ADD_PICTURE = """
INSERT INTO pictures (product_id, fingerprint, alt, position)
VALUES (%(product_id)s, %(fingerprint)s, %(alt)s, %(position)s)
"""
MOVE = "UPDATE products SET category_id = %(category_id)s, updated_at = now() WHERE id = %(id)s"
SET_STATUS = "UPDATE products SET status = %(status)s, updated_at = now() WHERE id = %(id)s"
BIN = "UPDATE products SET deleted_at = now(), updated_at = now() WHERE id = %(id)s AND deleted_at IS NULL"
RESTORE = "UPDATE products SET deleted_at = NULL, updated_at = now() WHERE id = %(id)s"

GIVE_UP_SLUG = """
UPDATE {table} SET is_current = false WHERE {column} = %(owner)s AND lang = %(lang)s AND is_current AND slug <> %(slug)s
"""
TAKE_SLUG = """
INSERT INTO {table} (slug, lang, {column}) VALUES (%(slug)s, %(lang)s, %(owner)s)
ON CONFLICT (slug, lang) DO UPDATE SET is_current = true WHERE {table}.{column} = excluded.{column}
"""
SET_CATEGORY_SLUGS = """
UPDATE categories SET updated_at = now(), slugs = (
    SELECT jsonb_object_agg(lang, slug) FROM category_slugs WHERE category_id = %(id)s AND is_current) WHERE id = %(id)s
"""
SET_PRODUCT_SLUGS = """
UPDATE products SET updated_at = now(), slugs = (
    SELECT jsonb_object_agg(lang, slug) FROM product_slugs WHERE product_id = %(id)s AND is_current) WHERE id = %(id)s
"""
