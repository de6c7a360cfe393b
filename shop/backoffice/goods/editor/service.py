"""Writing a product down, copying it. Whoever saves a version that is not the last one is told so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from shop.backoffice.audit import service as audit
from shop.backoffice.audit.models import Actor
from shop.backoffice.goods.texts import gathered, slugs_for, spread
from shop.backoffice.versions import EditConflict
from shop.catalog.models import Product, ProductSlug, Sku
from shop.catalog.pictures.models import ProductPicture
from shop.catalog.service import (
    PRODUCT_TEXTS,
    NewProduct,
    NewSku,
    add_picture,
    add_product,
    add_sku,
    change_product,
    rename_product,
)
from shop.db import Connection
from shop.media.queries import unknown_pictures
from shop.richtext import pictures_in

PLAIN: Final = ("keeping", "shelf_life_days", "status")
DATES: Final = ("online_from", "online_until")


class PictureUnknown(Exception):
    """A description shows a picture that the shop does not have; `args` is the language."""


async def create(conn: Connection, actor: Actor, values: Mapping[str, Any]) -> int:
    """Add a product without sizes; its id. Raises SlugTaken, SlugMalformed and PictureUnknown."""
    await _check_pictures(conn, values)
    texts = _texts(values)
    slugs = await slugs_for(conn, ProductSlug, {}, texts["name"], gathered(values, "slug"))
    plain: dict[str, Any] = {name: values[name] for name in PLAIN}
    made = await add_product(conn, NewProduct(category_id=values["category"], slugs=slugs, **texts, **plain))
    await change_product(conn, made, **{name: values[name] for name in DATES})
    await _record(conn, actor, "product.created", None, await _again(conn, made))
    return made


async def change(conn: Connection, actor: Actor, product_id: int, values: Mapping[str, Any], *, version: int) -> None:
    """Other texts, addresses, place, state or dates; raises EditConflict, SlugTaken, SlugMalformed and PictureUnknown."""
    before = await locked(conn, product_id, version)
    await _check_pictures(conn, values)
    texts = _texts(values)
    plain = {name: values[name] for name in (*PLAIN, *DATES)}
    slugs = await slugs_for(conn, ProductSlug, {"product_id": product_id}, texts["name"], gathered(values, "slug"))
    await rename_product(conn, product_id, slugs)
    await change_product(conn, product_id, category_id=values["category"], **texts, **plain)
    after = await _again(conn, product_id)
    is_new = (before.status, after.status) != ("online", "online") and after.status == "online"
    await _record(conn, actor, "product.published" if is_new else "product.changed", before, after)


async def duplicate(conn: Connection, actor: Actor, product: Product) -> int:
    """The same once more as a draft: texts, pictures and sizes, under codes and addresses of its own and without stock."""
    slugs = await slugs_for(conn, ProductSlug, {}, product.name, {})
    texts: dict[str, Any] = {name: getattr(product, name) for name in PRODUCT_TEXTS}
    plain: dict[str, Any] = {"keeping": product.keeping, "shelf_life_days": product.shelf_life_days, "status": "draft"}
    made = await add_product(conn, NewProduct(category_id=product.category_id, slugs=slugs, **texts, **plain))
    for sku in await Sku.objects.using(conn).filter(product_id=product.id).order_by("position", "id"):
        await add_sku(conn, made, await _copied(conn, sku))
    for picture in await ProductPicture.objects.using(conn).filter(product_id=product.id).order_by("position"):
        await add_picture(conn, made, picture.fingerprint, picture.alt, picture.position)
    await audit.record(conn, actor, "product.duplicated", f"product:{made}", None, {"from": f"product:{product.id}"})
    return made


async def locked(conn: Connection, product_id: int, version: int) -> Product:
    """The product in the version that was seen, held until the transaction ends; raises EditConflict."""
    same = Product.objects.using(conn).filter(id=product_id, version=version)
    product = await same.select_for_update(no_key=True).first()
    if product is None:
        raise EditConflict
    return product


def values_of(product: Product) -> dict[str, Any]:
    """A product as the fields of its form hold it."""
    texts = spread(slug=product.slugs, **{name: getattr(product, name) for name in PRODUCT_TEXTS})
    plain = {name: getattr(product, name) for name in (*PLAIN, *DATES)}
    return {**texts, **plain, "category": product.category_id}


def _texts(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: gathered(values, name) for name in PRODUCT_TEXTS}


async def _check_pictures(conn: Connection, values: Mapping[str, Any]) -> None:
    for lang, html in gathered(values, "description").items():
        if await unknown_pictures(conn, pictures_in(html)):
            raise PictureUnknown(lang)


async def _copied(conn: Connection, sku: Sku) -> NewSku:
    taken = set(await Sku.objects.using(conn).filter(code__startswith=sku.code[:36]).values_list("code", flat=True))
    numbered = (f"{sku.code[:36]}-{number}" for number in range(2, len(taken) + 3))
    code = next(code for code in numbered if code not in taken)
    same = ("name", "unit", "price", "weight", "sold_by_weight", "origin_id", "tax_class", "position")
    return NewSku(code=code, allergens=tuple(sku.allergens), **{name: getattr(sku, name) for name in same})


async def _again(conn: Connection, product_id: int) -> Product:
    return await Product.objects.using(conn).get(id=product_id)


async def _record(conn: Connection, actor: Actor, action: str, before: Product | None, after: Product) -> None:
    was = None if before is None else values_of(before)
    await audit.record(conn, actor, action, f"product:{after.id}", was, values_of(after))
