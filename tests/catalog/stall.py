"""A small stall for tests: two categories and a few goods, put on sale as an editor would."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shop.catalog.service import NewProduct, NewSku, add_category, add_product, add_sku
from shop.db import Connection, Database


@dataclass(frozen=True, slots=True)
class Stall:
    """Ids by English name."""

    categories: Mapping[str, int]
    products: Mapping[str, int]


async def put_up_stall(db: Database) -> Stall:
    """Fruit (apples in two sizes, pears, peaches that are sold out) and, below it, berries (bayberries)."""
    async with db.transaction() as conn:
        fruit = await add_category(conn, name={"en": "Fruit", "zh": "水果"}, slugs={"en": "fruit", "zh": "shui-guo"})
        berries = await add_category(
            conn, name={"en": "Berries", "zh": "浆果"}, slugs={"en": "berries", "zh": "jiang-guo"}, parent_id=fruit
        )
        products = {
            "Apples": await sell(conn, fruit, "Apples", "苹果", price=1200, sizes=2),
            "Pears": await sell(conn, fruit, "Pears", "梨", price=800),
            "Peaches": await sell(conn, fruit, "Peaches", "桃子", price=3000, stock=0),
            "Bayberries": await sell(conn, berries, "Bayberries", "杨梅", price=4500, stock=3),
        }
    return Stall({"Fruit": fruit, "Berries": berries}, products)


async def sell(
    conn: Connection, category_id: int, name: str, name_zh: str, *, price: int, sizes: int = 1, **sku: Any
) -> int:
    """One product with that many sizes, each a kilogram heavier than the one before."""
    slug = name.lower().replace(" ", "-")
    product = NewProduct(
        category_id=category_id,
        name={"en": name, "zh": name_zh},
        slugs={"en": slug, "zh": f"{slug}-zh"},
        description={"en": f"<p>{name} of the <em>day</em>.</p>"},
    )
    product_id = await add_product(conn, product)
    for size in range(1, sizes + 1):
        values = {"stock": 50, **sku}
        unit = {"en": f"{size} kg", "zh": f"{size}千克"}
        code = f"{slug}-{size}".upper()
        await add_sku(
            conn,
            product_id,
            NewSku(code=code, unit=unit, price=price * size, weight=1000 * size, position=size, **values),
        )
    return product_id
