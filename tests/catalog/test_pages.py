"""What a visitor sees of the catalogue, and what nobody may see."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from shop.catalog.service import bin_product, move_product, rename_product, restore_product, set_status
from shop.db import CheckViolation, Database, ForeignKeyViolation
from tests.catalog.stall import Stall, put_up_stall
from tests.conftest import Visitor

OFFLINE = "UPDATE skus SET status = 'offline' WHERE code = %(code)s"


@pytest.fixture
async def stall(db: Database) -> Stall:
    return await put_up_stall(db)


async def words_of(client: Visitor, path: str) -> str:
    response = await client.get(path)
    assert response.status == 200, path
    return await response.text()


async def is_soon(client: Visitor, path: str, *, has: Sequence[str] = (), lacks: Sequence[str] = ()) -> bool:
    """Whether a page that may be kept says so within a second or two, as every process hears of changes."""
    for _ in range(40):
        page = await words_of(client, path)
        if all(text in page for text in has) and not any(text in page for text in lacks):
            return True
        await asyncio.sleep(0.05)
    return False


async def test_a_category_shows_its_goods_and_those_below_it(client: Visitor, stall: Stall) -> None:
    page = await words_of(client, "/categories/fruit")
    assert all(name in page for name in ("Apples", "Pears", "Peaches", "Bayberries"))
    assert "¥12.00" in page
    assert "2 sizes" in page
    page = await words_of(client, "/categories/berries")
    assert "Bayberries" in page
    assert "Only 3 left" in page
    assert "Pears" not in page


async def test_the_same_shop_in_chinese(client: Visitor, stall: Stall) -> None:
    page = await words_of(client, "/zh/categories/shui-guo")
    assert "苹果" in page
    assert "/zh/products/apples-zh" in page
    assert 'hreflang="en" href="' in page
    assert "/categories/fruit" in page
    page = await words_of(client, "/zh/products/apples-zh")
    assert "1千克" in page
    assert "of the <em>day</em>" in page  # no Chinese description: the English one


async def test_a_product_lets_choose_its_size(client: Visitor, stall: Stall) -> None:
    page = await words_of(client, "/products/apples")
    assert "¥12.00" in page
    assert "<em>day</em>" in page
    page = await words_of(client, "/products/apples?sku=APPLES-2")
    assert "¥24.00" in page
    page = await words_of(client, "/products/apples?sku=%00%27--")
    assert "¥12.00" in page


async def test_sold_out_is_said_in_words_and_in_data(client: Visitor, stall: Stall) -> None:
    page = await words_of(client, "/products/peaches")
    assert "Sold out" in page
    assert "https://schema.org/OutOfStock" in page
    assert "https://schema.org/InStock" not in page


async def test_s36_goods_that_are_offline_or_deleted_are_nowhere(db: Database, client: Visitor, stall: Stall) -> None:
    async with db.transaction() as conn:
        await set_status(conn, stall.products["Apples"], "offline")
        await bin_product(conn, stall.products["Pears"])
        await conn.execute(OFFLINE, {"code": "PEACHES-1"})
    for slug in ("apples", "pears", "peaches", "never-sold"):
        assert (await client.get(f"/products/{slug}")).status == 404
    gone = ["/products/apples", "/products/pears", "/products/peaches"]
    assert await is_soon(client, "/categories/fruit", has=["/products/bayberries"], lacks=gone)
    async with db.transaction() as conn:
        await set_status(conn, stall.products["Apples"], "online")
        await restore_product(conn, stall.products["Pears"])
    assert await is_soon(client, "/categories/fruit", has=gone[:2], lacks=gone[2:])


async def test_when_a_size_goes_offline_the_next_is_shown(db: Database, client: Visitor, stall: Stall) -> None:
    async with db.transaction() as conn:
        await conn.execute(OFFLINE, {"code": "APPLES-1"})
    page = await words_of(client, "/categories/fruit")
    assert "¥24.00" in page
    assert "2 sizes" not in page
    assert (await client.get("/products/apples?sku=APPLES-1")).status == 200


async def test_old_addresses_lead_to_the_new_one(db: Database, client: Visitor, stall: Stall) -> None:
    async with db.transaction() as conn:
        await rename_product(conn, stall.products["Apples"], {"en": "fuji-apples"})
    response = await client.get("/products/apples?sku=APPLES-2", allow_redirects=False)
    assert (response.status, response.headers["Location"]) == (308, "/products/fuji-apples?sku=APPLES-2")
    response = await client.get("/zh/products/fuji-apples", allow_redirects=False)
    assert (response.status, response.headers["Location"]) == (308, "/zh/products/apples-zh")
    async with db.transaction() as conn:
        await rename_product(conn, stall.products["Apples"], {"en": "apples"})
    assert (await client.get("/products/apples", allow_redirects=False)).status == 200


async def test_an_offer_runs_between_its_dates(db: Database, client: Visitor, stall: Stall) -> None:
    now = datetime.now(UTC)
    offer = "UPDATE skus SET offer_price = 990, offer_from = %(since)s, offer_until = %(until)s WHERE code = 'APPLES-1'"
    async with db.transaction() as conn:
        await conn.execute(offer, {"since": now - timedelta(days=1), "until": now + timedelta(days=1)})
    page = await words_of(client, "/products/apples")
    assert "¥9.90" in page
    assert "priceValidUntil" in page
    async with db.transaction() as conn:
        await conn.execute(offer, {"since": now - timedelta(days=2), "until": now - timedelta(days=1)})
    assert await is_soon(client, "/products/apples", lacks=["¥9.90", "priceValidUntil"])


@pytest.mark.parametrize(
    "change",
    [
        "stock = -1",
        "price = 0",
        "weight = 0",
        "offer_price = 100",
        "offer_price = price, offer_from = now(), offer_until = now() + interval '1 day'",
        "offer_price = 100, offer_from = now(), offer_until = now() - interval '1 day'",
        "allergens = '{plutonium}'",
        "tax_class = 'free'",
    ],
)
async def test_the_database_refuses_nonsense(db: Database, stall: Stall, change: str) -> None:
    with pytest.raises((CheckViolation, ForeignKeyViolation)):
        async with db.transaction() as conn:
            await conn.execute(f"UPDATE skus SET {change} WHERE code = 'APPLES-1'")
    async with db.read() as conn:
        sku = await conn.fetch_one("SELECT price, stock, weight, offer_price FROM skus WHERE code = 'APPLES-1'")
    assert sku is not None
    assert tuple(sku) == (1200, 50, 1000, None)


async def test_the_copied_category_follows_the_product(db: Database, client: Visitor, stall: Stall) -> None:
    async with db.transaction() as conn:
        await move_product(conn, stall.products["Apples"], stall.categories["Berries"])
    assert "/products/apples" in await words_of(client, "/categories/berries")


async def test_anonymous_pages_set_no_cookie_and_may_be_kept(client: Visitor, stall: Stall) -> None:
    for path in ("/", "/categories/fruit", "/products/apples"):
        response = await client.get(path)
        assert response.status == 200
        assert "Set-Cookie" not in response.headers
        assert response.headers["Cache-Control"].startswith("public")
