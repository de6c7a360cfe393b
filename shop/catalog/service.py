"""What the shop does with its goods: put them on sale, rename, move, take off. Transactions are the caller's."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shop.catalog.categories.models import Category, CategorySlug
from shop.catalog.models import Product, ProductSlug, ProductStatus, Sku
from shop.catalog.pictures.models import ProductPicture
from shop.catalog.words.service import refresh_words
from shop.db import Connection, F, Now

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
    texts = {"name": dict(name), "description": dict(description or {})}
    made = await Category.objects.using(conn).create(parent_id=parent_id, picture=picture, position=position, **texts)
    await rename_category(conn, made.id, slugs)
    return made.id


async def rename_category(conn: Connection, category_id: int, slugs: Mapping[str, str]) -> None:
    """Gives a category its addresses; the old ones redirect. Raises SlugTaken and SlugMalformed."""
    for lang, slug in slugs.items():
        await _take_slug(conn, CategorySlug, {"category_id": category_id}, lang, slug)
    current = CategorySlug.objects.using(conn).filter(category_id=category_id, is_current=True)
    kept = dict(await current.values_list("lang", "slug"))
    await change_category(conn, category_id, slugs=kept)


async def change_category(conn: Connection, category_id: int, **values: Any) -> None:
    """Changes fields of a category; that the tree stays one is the caller's business."""
    same = Category.objects.using(conn).filter(id=category_id)
    await same.update(**values, version=F("version") + 1, updated_at=Now())


async def add_product(conn: Connection, product: NewProduct) -> int:
    """A new product without sizes; its id. Raises SlugTaken and SlugMalformed."""
    values = {name: getattr(product, name) for name in PRODUCT_FIELDS}
    texts = {name: dict(getattr(product, name)) for name in PRODUCT_TEXTS}
    made = await Product.objects.using(conn).create(**values, **texts)
    await rename_product(conn, made.id, product.slugs)
    await refresh_words(conn, [made.id])
    return made.id


async def rename_product(conn: Connection, product_id: int, slugs: Mapping[str, str]) -> None:
    """Gives a product its addresses; the old ones redirect. Raises SlugTaken and SlugMalformed."""
    for lang, slug in slugs.items():
        await _take_slug(conn, ProductSlug, {"product_id": product_id}, lang, slug)
    current = ProductSlug.objects.using(conn).filter(product_id=product_id, is_current=True)
    await _change(conn, product_id, slugs=dict(await current.values_list("lang", "slug")))


async def add_sku(conn: Connection, product_id: int, sku: NewSku) -> int:
    """A new size of a product; its id. Raises Product.DoesNotExist."""
    product = await Product.objects.using(conn).get(id=product_id)
    price, since, until = sku.offer or (None, None, None)
    values = {name: getattr(sku, name) for name in SKU_FIELDS}
    values |= {"name": dict(sku.name), "unit": dict(sku.unit), "allergens": list(sku.allergens)}
    values |= {"product_id": product_id, "category_id": product.category_id, "keeping": product.keeping}
    made = await Sku.objects.using(conn).create(**values, offer_price=price, offer_from=since, offer_until=until)
    return made.id


async def change_sku(conn: Connection, sku_id: int, **values: Any) -> None:
    """Changes fields of a size, all but its stock, which moves by the ledger alone."""
    if "stock" in values:
        raise ValueError("stock moves by the ledger")
    await Sku.objects.using(conn).filter(id=sku_id).update(**values, version=F("version") + 1, updated_at=Now())


async def order_skus(conn: Connection, sku_ids: Sequence[int]) -> None:
    """Lets the sizes of a product stand in this order; the first that is online stands on cards."""
    for position, sku_id in enumerate(sku_ids):
        await change_sku(conn, sku_id, position=position)


async def add_picture(
    conn: Connection, product_id: int, fingerprint: str, alt: Mapping[str, str], position: int
) -> None:
    """Hangs a stored picture into a product's gallery."""
    values = {"product_id": product_id, "fingerprint": fingerprint, "alt": dict(alt), "position": position}
    await ProductPicture.objects.using(conn).create(**values)


async def change_product(conn: Connection, product_id: int, **values: Any) -> None:
    """Changes fields of a product; what it is found by follows."""
    await _change(conn, product_id, **values)
    if not values.keys().isdisjoint(FOUND_BY):
        await refresh_words(conn, [product_id])


async def move_product(conn: Connection, product_id: int, category_id: int) -> None:
    """Puts a product, with all its sizes, into another category."""
    await _change(conn, product_id, category_id=category_id)
    await refresh_words(conn, [product_id])


async def set_status(conn: Connection, product_id: int, status: str) -> None:
    """Puts a product on sale ("online") or takes it off ("offline", "draft"); what was planned otherwise is forgotten."""
    planned = {"online_from": None} if status == ProductStatus.ONLINE else {"online_from": None, "online_until": None}
    await _change(conn, product_id, status=status, **planned)


async def bin_product(conn: Connection, product_id: int) -> None:
    """Takes a product off for good, with what was planned for it; orders still know what it was."""
    await _change(conn, product_id, deleted_at=Now(), online_from=None, online_until=None)


async def restore_product(conn: Connection, product_id: int) -> None:
    """Takes a product out of the bin."""
    await _change(conn, product_id, deleted_at=None)


async def _change(conn: Connection, product_id: int, **values: Any) -> None:
    await Product.objects.using(conn).filter(id=product_id).update(**values, version=F("version") + 1, updated_at=Now())


async def _take_slug(
    conn: Connection, kind: type[CategorySlug | ProductSlug], owner: dict[str, int], lang: str, slug: str
) -> None:
    if len(slug) > LONGEST_SLUG or not SLUG.fullmatch(slug):
        raise SlugMalformed(slug)
    known = kind.objects.using(conn)
    await known.filter(lang=lang, is_current=True, **owner).exclude(slug=slug).update(is_current=False)
    await known.get_or_create(owner, slug=slug, lang=lang)
    if not await known.filter(slug=slug, lang=lang, **owner).update(is_current=True):
        raise SlugTaken(lang, slug)


PRODUCT_TEXTS = ("name", "subtitle", "description", "ingredients", "storage")
FOUND_BY = ("name", "subtitle", "category_id")
PRODUCT_FIELDS = ("category_id", "keeping", "shelf_life_days", "status")
SKU_FIELDS = ("code", "price", "weight", "sold_by_weight", "stock", "origin_id", "tax_class", "position")
