"""The demo's goods, blocks and pages: read from demo_data/, put on sale through the shop's own services."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zlib import crc32

from pypinyin import lazy_pinyin

from shop.catalog.service import NewProduct, NewSku, add_category, add_picture, add_product, add_sku
from shop.commands.demo_pictures import Recipe
from shop.content.service import NewBlock, add_block, add_page
from shop.db import Connection
from shop.media.renditions import Renditions
from shop.media.service import record_picture
from shop.search.service import add_synonyms

DATA = Path(__file__).parent / "demo_data"
LANGUAGES = ("en", "zh")
OFFER_DAYS = 30
CRATE_EVERY = 6

Painted = Mapping[Recipe, Renditions]


@dataclass(frozen=True, slots=True)
class DemoShop:
    """What demo_data/ holds."""

    stalls: list[dict[str, Any]]
    origins: dict[str, list[str]]
    storage: dict[str, list[str]]
    home: dict[str, Any]
    pages: list[dict[str, Any]]
    synonyms: list[list[str]]

    def recipes(self) -> Iterator[Recipe]:
        """Every picture that has to be painted."""
        for stall in self.stalls:
            yield f"one {stall['category']['picture']}"
            for place, goods in enumerate(stall["goods"]):
                yield from recipes_of(goods, place)
        for block in (*self.home["banners"], *self.home["promotions"]):
            yield f"still {block['picture']}"


@dataclass(slots=True)
class Known:
    """Ids by English name, as they are made."""

    origins: dict[str, int] = field(default_factory=dict)
    categories: dict[str, int] = field(default_factory=dict)
    products: dict[str, int] = field(default_factory=dict)
    pages: dict[str, int] = field(default_factory=dict)


def read_demo() -> DemoShop:
    """The demo shop as written down."""
    stalls = [_toml(path) for path in sorted((DATA / "goods").glob("*.toml"))]
    return DemoShop(
        stalls=stalls,
        origins=_toml(DATA / "origins.toml"),
        storage=_toml(DATA / "storage.toml"),
        home=_toml(DATA / "home.toml"),
        pages=_toml(DATA / "pages.toml")["pages"],
        synonyms=_toml(DATA / "synonyms.toml")["groups"],
    )


def recipes_of(goods: Mapping[str, Any], place: int) -> list[Recipe]:
    """The gallery of one of the goods: itself, and of some a crateful."""
    one = [f"one {goods['picture']}"]
    return one if place % CRATE_EVERY else [*one, f"crate {goods['picture']}"]


async def fill_shop(conn: Connection, demo: DemoShop, painted: Painted) -> Known:
    """Writes the whole demo shop; how everything is called."""
    known = Known()
    for picture in painted.values():
        await record_picture(conn, picture)
    for code, name in demo.origins.items():
        known.origins[code] = await conn.fetch_value(ADD_ORIGIN, {"code": code, "name": both(name)})
    for position, stall in enumerate(demo.stalls):
        await _fill_stall(conn, demo, stall, position, known, painted)
    for position, page in enumerate(demo.pages):
        known.pages[page["slug"]] = await add_page(
            conn, page["slug"], both(page["title"]), both(page["body"]), position
        )
    await _fill_home(conn, demo.home, known, painted)
    for group in demo.synonyms:
        await add_synonyms(conn, group)
    return known


async def _fill_stall(
    conn: Connection, demo: DemoShop, stall: dict[str, Any], position: int, known: Known, painted: Painted
) -> None:
    category = stall["category"]
    name = both(category["name"])
    known.categories[name["en"]] = category_id = await add_category(
        conn,
        name=name,
        slugs=slugs_of(name),
        description=both(category["text"]),
        picture=painted[f"one {category['picture']}"].fingerprint,
        position=position,
    )
    # The newest stand first in a list, so the first of the file is added last.
    for place, goods in reversed(list(enumerate(stall["goods"]))):
        known.products[goods["name"][0]] = await _add_goods(conn, demo, goods, category_id, known)
        await _hang_pictures(conn, goods, place, known.products[goods["name"][0]], painted)


async def _add_goods(conn: Connection, demo: DemoShop, goods: dict[str, Any], category_id: int, known: Known) -> int:
    name = both(goods["name"])
    product = NewProduct(
        category_id=category_id,
        name=name,
        slugs=slugs_of(name),
        subtitle=both(goods["line"]),
        description={lang: f"<p>{text}</p>" for lang, text in both(goods["text"]).items()},
        ingredients=both(goods["ingredients"]) if "ingredients" in goods else {},
        storage=both(demo.storage[goods["keep"]]),
        keeping=goods.get("cold", "ambient"),
        shelf_life_days=goods["days"],
    )
    product_id = await add_product(conn, product)
    for place, sku in enumerate(skus_of(goods, known.origins)):
        sku_id = await add_sku(conn, product_id, sku)
        await conn.execute(SELL, {"id": sku_id, "sold": crc32(sku.code.encode()) % 400 // (place + 1)})
    return product_id


def skus_of(goods: Mapping[str, Any], origins: Mapping[str, int]) -> Iterator[NewSku]:
    """The sizes of one of the goods; only the first is on offer."""
    for place, (unit, unit_zh, price, weight, stock) in enumerate(goods["sizes"]):
        yield NewSku(
            code=f"{latin(goods['name'][0])}-{place + 1}".upper(),
            unit={"en": unit, "zh": unit_zh},
            price=price,
            weight=weight,
            offer=_offer(price, goods["offer"]) if "offer" in goods and place == 0 else None,
            sold_by_weight=not goods.get("piece", False),
            stock=stock,
            origin_id=origins[goods["origin"]],
            allergens=tuple(goods.get("allergens", ())),
            tax_class=goods.get("tax", "reduced"),
            position=place,
        )


def _offer(price: int, per_cent: int) -> tuple[int, datetime, datetime]:
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    reduced = round(price * (100 - per_cent) / 1000) * 10
    return reduced, today - timedelta(days=1), today + timedelta(days=OFFER_DAYS)


async def _hang_pictures(
    conn: Connection, goods: dict[str, Any], place: int, product_id: int, painted: Painted
) -> None:
    for position, recipe in enumerate(recipes_of(goods, place)):
        await add_picture(conn, product_id, painted[recipe].fingerprint, both(goods["name"]), position)


async def _fill_home(conn: Connection, home: dict[str, Any], known: Known, painted: Painted) -> None:
    places = iter(range(1000))
    for kind, blocks in (("banner", home["banners"]), ("promotion", home["promotions"])):
        for block in blocks:
            await add_block(conn, _picture_block(kind, block, next(places), known, painted))
    for shelf in home["shelves"]:
        goods = {shown: [known.products[name] for name in shelf[key]] for shown, key in SHOWN.items()}
        await conn.execute(FEATURE, {"ids": goods["picture"]})
        await add_block(
            conn,
            NewBlock(
                kind="shelf",
                text=both(shelf["text"]),
                category_id=known.categories[shelf["category"]],
                position=next(places),
                goods=goods,
            ),
        )


def _picture_block(kind: str, block: dict[str, Any], position: int, known: Known, painted: Painted) -> NewBlock:
    return NewBlock(
        kind=kind,
        title=both(block["title"]),
        text=both(block["text"]),
        picture=painted[f"still {block['picture']}"].fingerprint,
        tone=block["tone"],
        category_id=known.categories[block["category"]] if "category" in block else None,
        product_id=known.products[block["goods"]] if "goods" in block else None,
        page_id=known.pages[block["page"]] if "page" in block else None,
        position=position,
    )


SHOWN = {"picture": "pictured", "text": "worded"}
ADD_ORIGIN = "INSERT INTO origins (code, name) VALUES (%(code)s, %(name)s) RETURNING id"
FEATURE = "UPDATE skus SET featured = 1 WHERE is_listed AND product_id = ANY(%(ids)s)"
SELL = "UPDATE skus SET sold = %(sold)s WHERE id = %(id)s"


def both(pair: list[str]) -> dict[str, str]:
    """["Apples", "苹果"] as texts per language."""
    return dict(zip(LANGUAGES, (text.strip() for text in pair), strict=True))


def slugs_of(name: Mapping[str, str]) -> dict[str, str]:
    """An address in each language: English words, and pinyin."""
    return {"en": latin(name["en"]), "zh": latin(" ".join(lazy_pinyin(name["zh"])))}


def latin(text: str) -> str:
    """Words as a slug."""
    return "-".join(re.findall(r"[a-z0-9]+", text.lower()))


def _toml(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text("utf-8"))
