"""The basket as people use it: by forms, and with script without leaving the page."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from shop.cart.queries import Owner, count_of
from shop.coupons.models import DiscountKind
from shop.coupons.service import create_coupon
from shop.db import Connection, Database
from shop.delivery.models import Area
from tests.conftest import Visitor
from tests.orders.market import Market
from tests.world import LIN, customer, sign_in, submit

JSON = {"Accept": "application/json"}


@pytest.fixture
async def market(db: Database) -> Market:
    market = await Market.open(db, free_from=9900)
    async with db.transaction() as conn:
        await conn.execute(
            "INSERT INTO product_slugs (slug, lang, product_id) VALUES ('apple', 'en', 1), ('apple', 'zh', 1)"
        )
        await conn.execute("""UPDATE products SET slugs = '{"en": "apple", "zh": "apple"}'""")
        await conn.execute("""UPDATE categories SET slugs = '{"en": "fruit", "zh": "fruit"}'""")
        await Area.objects.using(conn).create(zone_id=market.zone_id, city_key="beijing")
    return market


async def put(visitor: Visitor, sku: int, quantity: str = "1") -> Any:
    return await submit(visitor, "/cart/lines", {"sku": str(sku), "quantity": quantity}, on="/cart")


async def basket(visitor: Visitor, path: str = "/cart") -> str:
    return await (await visitor.get(path)).text()


async def test_a_guest_fills_a_basket_by_forms(client: Visitor, market: Market) -> None:
    sku = await market.sku(10, 1250)
    page = await (await client.get("/products/apple")).text()
    assert f'form="add-to-basket" name="sku" value="{sku}"' in page
    assert "Set-Cookie" not in (await client.get("/products/apple")).headers
    added = await client.post(
        "/cart/lines",
        data={"sku": str(sku), "quantity": "２"},
        headers={"Referer": str(client.make_url("/products/apple"))},
        allow_redirects=False,
    )
    assert (added.status, added.headers["Location"]) == (303, "/products/apple")
    cookie = added.cookies["basket"]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/")
    back = await client.get("/products/apple")
    assert back.headers["Cache-Control"] == "no-store"
    page = await back.text()
    assert "It is in your basket now." in page
    assert "data-count" in page
    page = await basket(client)
    assert "¥25.00" in page
    changed = await submit(client, f"/cart/lines/{sku}", {"quantity": "3"}, on="/cart")
    assert changed.headers["Location"] == "/cart"
    assert "¥37.50" in await basket(client)
    assert "您的购物车" in await basket(client, "/zh/cart")
    await submit(client, f"/cart/lines/{sku}/saving", {}, on="/cart")
    assert "Saved for later" in await basket(client)
    await submit(client, f"/cart/lines/{sku}/return", {}, on="/cart")
    await submit(client, f"/cart/lines/{sku}/removal", {}, on="/cart")
    assert "It is empty." in await basket(client)


@pytest.mark.parametrize("quantity", ["-1", "1.5", "1e3", "٣", "100", str(2**63), "", "two", "+1", "0"])
async def test_s34_only_whole_numbers_of_pieces(client: Visitor, market: Market, quantity: str) -> None:
    sku = await market.sku(500)
    answer = await client.post("/cart/lines", data={"sku": str(sku), "quantity": quantity}, headers=JSON)
    assert answer.status == 409
    assert await answer.json() == {"kind": "error", "message": "Enter a whole number from 1 to 99.", "count": None}
    assert "basket" not in answer.cookies


async def test_s33_prices_in_the_form_change_nothing(client: Visitor, market: Market) -> None:
    sku = await market.sku(10, 1000)
    fields = {"sku": str(sku), "quantity": "1", "price": "1", "discount": "999", "total": "0", "account_id": "1"}
    await submit(client, "/cart/lines", fields, on="/cart")
    assert "¥10.00" in await basket(client)


async def test_with_script_the_answer_is_a_sentence_and_a_count(client: Visitor, market: Market) -> None:
    sku = await market.sku(3)
    added = await client.post("/cart/lines", data={"one": str(sku)}, headers=JSON)
    assert await added.json() == {"kind": "success", "message": "It is in your basket now.", "count": 1}
    # The page was opened before there was a basket, so it has no token; the browser itself vouches for it.
    own = {**JSON, "Sec-Fetch-Site": "same-origin"}
    short = await client.post("/cart/lines", data={"sku": str(sku), "quantity": "3"}, headers=own)
    assert (await short.json())["message"] == "Only 3 left; your basket has not changed."
    foreign = await client.post("/cart/lines", data={"one": str(sku)}, headers={"Sec-Fetch-Site": "cross-site"})
    assert foreign.status == 403
    silent = await client.post("/cart/lines", data={"one": str(sku)})
    assert silent.status == 403


async def test_an_add_whose_answer_was_lost_is_in_the_basket_once(client: Visitor, market: Market) -> None:
    sku, own = await market.sku(10), {**JSON, "Sec-Fetch-Site": "same-origin"}
    await put(client, sku)
    add = {"one": str(sku), "add_id": uuid4().hex}
    counts = [
        (await (await client.post("/cart/lines", data=data, headers=own)).json())["count"]
        for data in (add, add, {**add, "add_id": uuid4().hex}, add, {**add, "add_id": "none of ours"})
    ]
    assert counts == [2, 2, 3, 3, 4]
    refused = {"sku": str(sku), "quantity": "99", "add_id": uuid4().hex}
    for _ in range(2):  # what was refused may be tried again: nothing of it is kept
        assert (await client.post("/cart/lines", data=refused, headers=own)).status == 409


async def test_s35_signing_in_brings_the_guests_basket_along_once(client: Visitor, market: Market) -> None:
    sku = await market.sku(50)
    await customer(market.db, LIN)
    await put(client, sku, "2")
    await sign_in(client, LIN)
    assert 'name="quantity" value="2"' in await basket(client)
    await sign_in(client, LIN)
    assert 'name="quantity" value="2"' in await basket(client)
    async with market.db.read() as conn:
        assert await conn.fetch_value("SELECT count(*) FROM carts") == 1


async def test_s24_nobody_sees_anothers_basket(client: Visitor, new_visitor: Any, market: Market) -> None:
    sku = await market.sku(50)
    await put(client, sku)
    other = await new_visitor()
    assert "It is empty." in await basket(other)
    cookies = client.session.cookie_jar.filter_cookies(client.make_url("/"))
    for forged in (cookies["basket"].value[:-1] + "!", "x" * 43, ""):
        page = await (await other.get("/cart", headers={"Cookie": f"basket={forged}"})).text()
        assert "It is empty." in page


async def test_the_basket_says_whether_and_for_how_much_goods_are_brought(client: Visitor, market: Market) -> None:
    sku = await market.sku(50, 5000)
    await put(client, sku)
    await submit(client, "/cart/place", {"city": "Chengdu", "district": "", "postcode": ""}, on="/cart")
    assert "We do not deliver there." in await basket(client)
    await submit(client, "/cart/place", {"city": "Beijing", "district": "", "postcode": ""}, on="/cart")
    page = await basket(client)
    assert "We deliver there: City" in page
    assert "¥60.00" in page
    assert "Free delivery when you add goods for ¥49.00 more." in page


async def test_s38_codes_are_kept_and_guessing_ends(client: Visitor, market: Market) -> None:
    sku = await market.sku(50, 5000)
    async with market.db.transaction() as conn:
        await create_coupon(conn, DiscountKind.PERCENT, 10, code="FRESH10")
    await put(client, sku)
    await submit(client, "/cart/coupon", {"code": "fresh10"}, on="/cart")
    page = await basket(client)
    assert "Coupon FRESH10" in page
    assert "−¥5.00" in page
    for _ in range(10):
        await submit(client, "/cart/coupon", {"code": "guess"}, on="/cart")
        assert "There is no such coupon." in await basket(client)
    await submit(client, "/cart/coupon", {"code": "fresh10"}, on="/cart")
    assert "Too many codes in a row." in await basket(client)


async def test_a_line_says_what_changed_since(client: Visitor, market: Market) -> None:
    sku = await market.sku(5, 1000)
    await put(client, sku, "5")
    async with market.db.transaction() as conn:
        await conn.execute("UPDATE skus SET price = 1100, stock = 2 WHERE id = %(id)s", {"id": sku})
    page = await basket(client)
    assert "The price has changed from ¥10.00 to ¥11.00." in page
    assert "Only 2 are left." in page
    assert "Go to checkout" not in page


async def test_the_count_is_a_copy_that_is_made_again(client: Visitor, market: Market, redis_url: str) -> None:
    sku = await market.sku(50)
    await put(client, sku, "7")
    from redis import Redis

    with Redis.from_url(redis_url) as redis:
        (key,) = redis.keys("n:*")
        assert redis.get(key) == b"7"
        assert 0 < redis.ttl(key) <= 300
        redis.flushall()
        assert "</span>7</span>" in await basket(client, "/")
        assert redis.get(key) == b"7"


async def test_a_count_that_was_overtaken_is_not_kept(
    client: Visitor, market: Market, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sku = await market.sku(50)
    await put(client, sku, "7")
    from redis import Redis

    with Redis.from_url(redis_url) as redis:
        (key,) = redis.keys("n:*")
        redis.flushall()

        async def slowly(conn: Connection, owner: Owner) -> int:
            """Somebody changes the basket, and copies its count, while this page is on its way back from PostgreSQL."""
            count = await count_of(conn, owner)
            await asyncio.to_thread(redis.set, key, 8, 300)
            return count

        monkeypatch.setattr("shop.cart.count.count_of", slowly)
        assert "</span>7</span>" in await basket(client, "/")
        assert redis.get(key) == b"8"
