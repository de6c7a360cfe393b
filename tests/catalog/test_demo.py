"""The demo shop: whole, in two languages, once, and never mixed into a real one."""

import asyncio
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from shop.commands.demo_goods import DemoShop, fill_shop, read_demo, recipes_of
from shop.commands.demo_many import fill_up
from shop.commands.demo_pictures import paint
from shop.content.queries import home_blocks
from shop.db import Database
from shop.media.names import original, rendition
from shop.media.renditions import Renditions
from shop.search.queries import search
from shop.settings import Settings
from tests.conftest import Visitor

ROOT = Path(__file__).parent.parent.parent
COUNTS = """
SELECT (SELECT count(*) FROM categories) AS categories, (SELECT count(*) FROM products) AS products,
       (SELECT count(*) FROM skus) AS skus, (SELECT count(*) FROM accounts) AS accounts,
       (SELECT count(*) FROM blocks) AS blocks, (SELECT count(*) FROM content_pages) AS pages
"""


@pytest.fixture(scope="module")
def written() -> DemoShop:
    """The demo as it is written down."""
    return read_demo()


@pytest.fixture(scope="module")
def painted() -> Mapping[str, Renditions]:
    """Every recipe as one pixel, for painting takes a while."""
    recipes = sorted(set(read_demo().recipes()))
    prints = {recipe: f"{number:064x}" for number, recipe in enumerate(recipes)}
    return {recipe: Renditions(one, 480, 480, {original(one): b"x"}) for recipe, one in prints.items()}


def demo(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    environ = {
        "PATH": "/usr/bin:/bin",
        "SHOP_STATE": str(settings.state),
        "SHOP_DATABASE_URL": settings.database_url,
        "SHOP_DATABASE_OWNER_URL": settings.database_owner_url,
        "SHOP_REDIS_URL": settings.redis_url,
        "SHOP_BROKER_URL": settings.broker_url,
    }
    command = [sys.executable, "run.py", "demo", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=120, check=False)


async def counted(db: Database) -> dict[str, int]:
    async with db.read() as conn:
        row = await conn.fetch_one(COUNTS)
    assert row is not None
    return row.mapping


def test_every_good_is_said_in_both_languages() -> None:
    shop = read_demo()
    assert len(shop.stalls) == 8
    assert sum(len(goods["sizes"]) for stall in shop.stalls for goods in stall["goods"]) == 127
    for stall in shop.stalls:
        for goods in stall["goods"]:
            for text in ("name", "line", "text"):
                english, chinese = goods[text]
                assert english.isascii() or set(english) <= set(english.encode("ascii", "ignore").decode() + "’°")
                assert any("\u4e00" <= letter <= "\u9fff" for letter in chinese), goods["name"]
            assert ("ingredients" in goods) or not set(goods.get("allergens", ())) & {"soya", "sesame"}


async def test_the_whole_demo_stands(
    db: Database, client: Visitor, written: DemoShop, painted: Mapping[str, Renditions]
) -> None:
    async with db.transaction() as conn:
        await fill_shop(conn, written, painted)
        blocks = await home_blocks(conn, "zh")
        first = (await search(conn, "xhs")).product_ids[0]
        assert await conn.fetch_value("SELECT name->>'zh' FROM products WHERE id = %(id)s", {"id": first}) == "西红柿"
    assert (await counted(db)).items() >= {"categories": 8, "products": 99, "skus": 127, "pages": 6}.items()
    assert (len(blocks.banners), len(blocks.promotions), len(blocks.shelves)) == (4, 3, 8)
    assert all(len(shelf.cards) == 6 and shelf.text_goods for shelf in blocks.shelves)
    for path in ("/", "/zh", "/categories/seafood", "/zh/products/xi-hong-shi", "/pages/terms", "/zh/pages/privacy"):
        assert (await client.get(path)).status == 200, path


async def test_a_hundred_thousand_begin_with_a_few(
    db: Database, written: DemoShop, painted: Mapping[str, Renditions]
) -> None:
    async with db.transaction() as conn:
        await fill_shop(conn, written, painted)
    assert await fill_up(db, written, 150) == 51
    assert await fill_up(db, written, 150) == 0
    assert (await counted(db))["products"] == 150
    async with db.read() as conn:
        assert await conn.fetch_value("SELECT sum(goods) FROM category_facets") == 150
        assert await conn.fetch_value("SELECT count(*) FROM product_words") == 150


async def test_the_demo_is_not_mixed_into_a_real_shop(db: Database, settings: Settings) -> None:
    async with db.transaction() as conn:
        await conn.execute("INSERT INTO categories (name) VALUES (%(name)s)", {"name": {"en": "Real"}})
    before = await counted(db)
    refused = await asyncio.to_thread(demo, settings)
    assert refused.returncode == 1
    assert "holds a shop that is not the demo" in refused.stderr
    told = await asyncio.to_thread(demo, settings, "--if-empty")
    assert (told.returncode, told.stdout.count("\n")) == (0, 1)
    assert await counted(db) == before


def test_pictures_are_painted_with_and_without_the_emoji(tmp_path: Path) -> None:
    for recipe in ("one drawn:tofu", "crate nothing-of-that-name", "still 1f34e 1f34b"):
        made = paint(recipe, tmp_path)
        assert (made.width, made.height) == (480, 480)
        stored = tmp_path / made.fingerprint[:2] / rendition(made.fingerprint, 160)
        assert stored.read_bytes()[8:12] == b"WEBP"


def test_some_goods_have_more_than_one_picture() -> None:
    galleries = [len(recipes_of(g, place)) for stall in read_demo().stalls for place, g in enumerate(stall["goods"])]
    assert (min(galleries), max(galleries)) == (1, 2)
