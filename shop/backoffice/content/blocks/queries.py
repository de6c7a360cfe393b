"""Blocks with what they show, hidden ones and those of another time too."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from shop.catalog.models import Product, ProductSlug, Sku
from shop.content.models import Block, BlockGood, ContentPage, ShownAs
from shop.db import Connection
from shop.i18n import text_in


@dataclass(frozen=True, slots=True)
class Goods:
    """The products of a shelf in their order, by id."""

    pictured: Sequence[int] = ()
    worded: Sequence[int] = ()


async def every_block(conn: Connection) -> list[Block]:
    """All of them, in their order."""
    return await Block.objects.using(conn).order_by("position", "id")


async def goods_of(conn: Connection, block_id: int) -> Goods:
    """What a shelf shows by name."""
    rows = await BlockGood.objects.using(conn).filter(block_id=block_id).order_by("position", "product_id")
    return Goods(
        [row.product_id for row in rows if row.shown_as == ShownAs.PICTURE],
        [row.product_id for row in rows if row.shown_as == ShownAs.TEXT],
    )


async def products_called(conn: Connection, words: Collection[str]) -> dict[str, int]:
    """The products by the code of a size or by the end of an address."""
    if not words:
        return {}
    wanted = list(words)
    slugs = await ProductSlug.objects.using(conn).filter(slug__in=wanted).values_list("slug", "product_id")
    codes = await Sku.objects.using(conn).filter(code__in=wanted).values_list("code", "product_id")
    return dict([*slugs, *codes])


async def words_for(conn: Connection, product_ids: Collection[int]) -> dict[int, str]:
    """By which words these products can be named, as `products_called` understands them."""
    rows = await Product.objects.using(conn).filter(id__in=list(product_ids)).values_list("id", "slugs")
    return {product_id: text_in(slugs, "en") for product_id, slugs in rows}


async def page_names(conn: Connection, lang: str) -> dict[int, str]:
    """The titles of all content pages by id."""
    rows = await ContentPage.objects.using(conn).order_by("position", "id").values_list("id", "title")
    return {page_id: text_in(title, lang) for page_id, title in rows}
