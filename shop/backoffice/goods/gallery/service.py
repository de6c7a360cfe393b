"""Pictures hung into a gallery, put in order, described, taken down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from shop.backoffice.audit import service as audit
from shop.backoffice.audit.models import Actor
from shop.backoffice.goods.editor.service import locked
from shop.backoffice.goods.texts import LANGUAGES, gathered
from shop.catalog.models import Product
from shop.catalog.pictures.models import ProductPicture
from shop.catalog.service import add_picture, change_product
from shop.db import Connection


async def pictures_of(conn: Connection, product_id: int) -> list[ProductPicture]:
    """The gallery in its order."""
    return await ProductPicture.objects.using(conn).filter(product_id=product_id).order_by("position", "id")


async def hang(conn: Connection, actor: Actor, product_id: int, fingerprints: Sequence[str]) -> None:
    """Add stored pictures behind the others; one that hangs there already hangs once."""
    await Product.objects.using(conn).select_for_update(no_key=True).get(id=product_id)
    before = await pictures_of(conn, product_id)
    position = max((picture.position for picture in before), default=-1)
    hung = {picture.fingerprint for picture in before}
    for fingerprint in dict.fromkeys(fingerprints):
        if fingerprint not in hung:
            position += 1
            await add_picture(conn, product_id, fingerprint, {}, position)
    await _record(conn, actor, product_id, before)


async def arrange(
    conn: Connection, actor: Actor, product_id: int, order: Sequence[int], values: Mapping[str, Any], *, version: int
) -> None:
    """The pictures in this order with these words; those that are not named are taken down. Raises EditConflict."""
    await locked(conn, product_id, version)
    before = await pictures_of(conn, product_id)
    pictures = ProductPicture.objects.using(conn).filter(product_id=product_id)
    await pictures.exclude(id__in=list(order)).delete()
    for position, picture_id in enumerate(order):
        await pictures.filter(id=picture_id).update(position=position, alt=gathered(values, f"alt_{picture_id}"))
    await _record(conn, actor, product_id, before)


def values_of(pictures: Sequence[ProductPicture]) -> dict[str, str]:
    """A gallery as the fields of its form hold it."""
    return {f"alt_{picture.id}_{lang}": picture.alt.get(lang, "") for picture in pictures for lang in LANGUAGES}


async def _record(conn: Connection, actor: Actor, product_id: int, before: Sequence[ProductPicture]) -> None:
    await change_product(conn, product_id)
    after = await pictures_of(conn, product_id)
    was, now = ([(picture.fingerprint[:12], picture.alt) for picture in pictures] for pictures in (before, after))
    await audit.record(conn, actor, "product.changed", f"product:{product_id}", {"pictures": was}, {"pictures": now})
