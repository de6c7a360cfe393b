"""What search engines are told of: every category, page and product that can be seen, with its addresses."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from shop.catalog.categories.models import Category
from shop.catalog.models import Product, ProductStatus, Sku
from shop.db import Connection, Max

PART = 1000  # product ids a part


@dataclass(frozen=True, slots=True)
class Seen:
    """Something with an address in each language (`slugs`) and the time of its last change."""

    slugs: Mapping[str, str]
    updated_at: datetime


async def parts_of_products(conn: Connection) -> int:
    """How many parts the products fill."""
    last = (await Product.objects.using(conn).aggregate(id=Max("id")))["id"]
    return 0 if last is None else int(last) // PART + 1


async def products_of_part(conn: Connection, part: int) -> list[Seen]:
    """The products of one part, counted from 0, that are on sale."""
    listed = Sku.objects.using(conn).filter(
        product_id__gte=part * PART, product_id__lt=(part + 1) * PART, is_listed=True
    )
    on_sale = listed.filter(product__status=ProductStatus.ONLINE, product__deleted_at__isnull=True)
    rows = await on_sale.order_by("product_id").values_list("product__slugs", "product__updated_at")
    return [Seen(*row) for row in rows]


async def visible_categories(conn: Connection) -> list[Seen]:
    """Every category that can be reached."""
    visible = Category.objects.using(conn).filter(is_visible=True).order_by("id")
    return [Seen(*row) for row in await visible.values_list("slugs", "updated_at")]
