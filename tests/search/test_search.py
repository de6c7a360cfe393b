"""Searching as people do: in Chinese, in pinyin, by initials, with slips of the finger, and with bad intent."""

import asyncio

import pytest
from aiohttp.test_utils import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shop.app import create_app
from shop.catalog.service import add_category, change_product, set_status
from shop.db import Database
from shop.search.queries import search
from shop.search.service import add_synonyms
from shop.settings import Settings
from tests.catalog.stall import sell
from tests.conftest import Visitor
from tests.servers import ShopServer

GOODS = {
    "Tomatoes": "西红柿",
    "Canned tomatoes": "番茄罐头",
    "Fuji apples": "红富士苹果",
    "Apple juice": "苹果汁",
    "Strawberries": "草莓",
    "Potatoes": "土豆",
    "Beef sirloin": "牛排",
    "Milk": "牛奶",
}


@pytest.fixture
async def stall(db: Database) -> dict[str, int]:
    async with db.transaction() as conn:
        pantry = await add_category(
            conn, name={"en": "Pantry", "zh": "粮油"}, slugs={"en": "pantry", "zh": "liang-you"}
        )
        return {name: await sell(conn, pantry, name, zh, price=1000) for name, zh in GOODS.items()}


async def found(db: Database, typed: str) -> list[str]:
    async with db.read() as conn:
        result = await search(conn, typed)
        names = await conn.fetch_all("SELECT id, name->>'en' AS name FROM products", {})
    by_id = {row.id: row.name for row in names}
    return [by_id[product_id] for product_id in result.product_ids]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("西红柿", "Tomatoes"),
        ("红柿", "Tomatoes"),
        ("xihongshi", "Tomatoes"),
        ("xi hong shi", "Tomatoes"),
        ("xihong", "Tomatoes"),
        ("xhs", "Tomatoes"),
        ("XHS", "Tomatoes"),
        ("pingguozhi", "Apple juice"),
        ("tomato", "Tomatoes"),
        ("TOMATOES", "Tomatoes"),
        ("Ｔomatoes", "Tomatoes"),
        ("strawb", "Strawberries"),
        ("strawbery", "Strawberries"),
        ("starwberries", "Strawberries"),
        ("potatos", "Potatoes"),
        ("sirloin beef", "Beef sirloin"),
        ("牛", "Milk"),
    ],
)
async def test_what_people_type_finds_what_they_mean(
    db: Database, stall: dict[str, int], typed: str, expected: str
) -> None:
    assert expected in await found(db, typed)


async def test_exact_names_come_first(db: Database, stall: dict[str, int]) -> None:
    async with db.transaction() as conn:
        await conn.execute("UPDATE skus SET sold = 1000 WHERE product_id = %(id)s", {"id": stall["Canned tomatoes"]})
    assert await found(db, "tomatoes") == ["Tomatoes", "Canned tomatoes"]
    assert (await found(db, "苹果"))[:2] == ["Fuji apples", "Apple juice"]


@pytest.mark.parametrize("typed", ["qwrtzplk", "asdfgh", "魑魅魍魉", "%%%", "'", "", " ", "!!!", "\x00", "zz"])
async def test_a_nonsense_word_finds_nothing_and_says_so(
    db: Database, client: Visitor, stall: dict[str, int], typed: str
) -> None:
    assert await found(db, typed) == []
    response = await client.get("/search", params={"q": typed})
    page = await response.text()
    assert response.status == 200
    assert "/products/" not in page
    assert ("We found nothing for" in page) == bool(typed.strip("\x00 "))


async def test_some_words_are_better_than_none_and_it_is_said(
    client: Visitor, db: Database, stall: dict[str, int]
) -> None:
    page = await (await client.get("/search?q=fresh organic potatoes")).text()
    assert "These goods have some of them" in page
    assert "/products/potatoes" in page


async def test_a_correction_is_named(client: Visitor, stall: dict[str, int]) -> None:
    page = await (await client.get("/search?q=strawbery")).text()
    assert "These are results for “strawberry”" in page
    page = await (await client.get("/zh/search?q=strawbery")).text()
    assert "草莓" in page


async def test_synonyms_find_each_other(db: Database, stall: dict[str, int]) -> None:
    assert await found(db, "番茄") == ["Canned tomatoes"]
    async with db.transaction() as conn:
        await add_synonyms(conn, ["番茄", "西红柿"])
        await add_synonyms(conn, ["potato", "spud"])
    assert await found(db, "番茄") == ["Tomatoes", "Canned tomatoes"]
    assert await found(db, "fanqie") == ["Tomatoes", "Canned tomatoes"]
    assert await found(db, "spuds") == ["Potatoes"]


async def test_s36_goods_that_are_offline_are_not_found(db: Database, stall: dict[str, int]) -> None:
    async with db.transaction() as conn:
        await set_status(conn, stall["Milk"], "offline")
    assert await found(db, "milk") == []
    assert await found(db, "牛奶") == []


async def test_a_changed_name_is_found_at_once(db: Database, stall: dict[str, int]) -> None:
    async with db.transaction() as conn:
        await change_product(conn, stall["Milk"], name={"en": "Buttermilk", "zh": "酪乳"})
    assert await found(db, "laoru") == ["Buttermilk"]
    assert await found(db, "牛奶") == []


async def test_what_was_sought_in_vain_is_counted(db: Database, client: Visitor, stall: dict[str, int]) -> None:
    for words in ("durian", "Durian ", "榴莲"):
        await client.get("/search", params={"q": words})
    await client.get("/search", params={"q": "milk"})
    async with db.read() as conn:
        misses = await conn.fetch_all("SELECT words, lang, times FROM search_misses ORDER BY words")
    assert [tuple(miss) for miss in misses] == [("durian", "en", 2), ("榴莲", "en", 1)]


async def test_only_searches_go_to_the_replica(settings: Settings, db: Database, stall: dict[str, int]) -> None:
    app = await asyncio.to_thread(
        create_app, settings.model_copy(update={"replica_url": f"{settings.database_url}&application_name=replica"})
    )
    others = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'replica'"
    async with ShopServer(app, port=settings.port) as server, TestClient(server) as visitor, db.read() as conn:
        assert (await visitor.get("/")).status == 200
        assert await conn.fetch_value(others) == 0
        assert "Apple juice" in await (await visitor.get("/search?q=juice")).text()
        assert await conn.fetch_value(others) > 0


async def test_suggestions_while_one_types(client: Visitor, stall: dict[str, int]) -> None:
    response = await client.get("/zh/search/suggestions?q=pingg")
    told = (await response.json())["suggestions"]
    assert [one["name"] for one in told] == ["红富士苹果", "苹果汁"]
    assert told[0] == {
        "name": "红富士苹果",
        "unit": "1千克",
        "price": "¥10.00",
        "path": "/zh/products/fuji-apples-zh",
        "picture": "",
    }
    assert (await (await client.get("/search/suggestions")).json()) == {"suggestions": []}


async def test_paging_keeps_the_words(db: Database, client: Visitor, stall: dict[str, int]) -> None:
    async with db.transaction() as conn:
        category = await conn.fetch_value("SELECT id FROM categories")
        for number in range(30):
            await sell(conn, category, f"Plum jam {number}", f"李子酱{number}", price=500)
    page = await (await client.get("/search?q=plum jam")).text()
    assert "30 products" in page
    assert 'href="/search?q=plum+jam&amp;page=2"' in page
    last = await (await client.get("/search?q=plum+jam&page=2")).text()
    assert last.count('class="card__name"') == 6
    beyond = await (await client.get("/search?q=plum+jam&page=1000000000")).text()
    assert beyond.count('class="card__name"') == 6


HOSTILE = [
    "' OR 1=1 --",
    "a & | ! ( : *",
    "'apple':* & !'x'",
    "<script>alert(1)</script>",
    "%_%\\",
    "\u202eapple\u0000",
    "苹果" * 400,
    "x" * 7000,
    "a " * 3000,
    "page=1e9",
    "\r\nSet-Cookie: a=b",
    "𠮷野家 👩‍🌾 ﷺ",
    "${7*7}{{7*7}}",
]


@pytest.mark.parametrize("typed", HOSTILE)
async def test_s28_s30_hostile_searches_are_only_words(client: Visitor, stall: dict[str, int], typed: str) -> None:
    response = await client.get("/search", params={"q": typed, "page": "1e9"})
    page = await response.text()
    assert response.status == 200
    assert "<script>alert" not in page
    assert "Set-Cookie" not in response.headers
    assert (await client.get("/search/suggestions", params={"q": typed})).status == 200


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(typed=st.text(max_size=120))
async def test_s28_any_text_can_be_searched(db: Database, typed: str) -> None:
    async with db.read() as conn:
        await search(conn, typed)
