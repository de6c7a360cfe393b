"""Buyers say how it was; others read it once the shop has."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from shop.db import Database
from shop.orders import service as orders
from shop.orders.placing.models import Placed
from shop.reviews.models import ReviewStatus
from shop.reviews.queries import waiting
from shop.reviews.service import moderate
from tests.conftest import Visitor
from tests.orders.market import Market
from tests.world import LIN, TOM, customer, sign_in, submit


@pytest.fixture
async def market(db: Database) -> Market:
    market = await Market.open(db)
    async with db.transaction() as conn:
        await conn.execute(
            "INSERT INTO product_slugs (slug, lang, product_id) VALUES ('apple', 'en', 1), ('apple', 'zh', 1);"
            """UPDATE products SET slugs = '{"en": "apple", "zh": "apple"}';"""
            """UPDATE categories SET slugs = '{"en": "fruit", "zh": "fruit"}'"""
        )
    return market


async def buy(market: Market, account_id: int, *, delivered: bool = True) -> int:
    """An order of apples by this customer."""
    placed = await market.buy_one(market.cash_wish(account_id, (await market.sku(9), 1), total=2000))
    assert isinstance(placed, Placed)
    if delivered:
        async with market.db.transaction() as conn:
            for step in (orders.pack, orders.ship, orders.deliver):
                await step(conn, placed.order_id)
    return placed.order_id


async def say(visitor: Visitor, **fields: str) -> Any:
    return await submit(visitor, "/account/reviews/1", {"stars": "4", "text": "Crisp <b>and</b> sweet", **fields})


async def page_has(visitor: Visitor, words: str) -> bool:
    """Whether the product page says it, or will in a moment: kept pages hear of changes."""
    for _ in range(20):
        if words in await (await visitor.get("/products/apple")).text():
            return True
        await asyncio.sleep(0.1)
    return False


async def test_a_buyer_writes_and_others_read_once_the_shop_has(
    client: Visitor, new_visitor: Any, market: Market
) -> None:
    lin = await customer(market.db, LIN)
    await buy(market, lin.id)
    await sign_in(client, LIN)
    answer = await say(client)
    assert (answer.status, answer.headers["Location"]) == (303, "/account/orders")
    guest = await new_visitor()
    assert "What customers say" not in await (await guest.get("/products/apple")).text()
    async with market.db.transaction() as conn:
        (review,) = await waiting(conn, 10)
        assert await moderate(conn, review.id, ReviewStatus.SHOWN)
    assert await page_has(guest, "Crisp &lt;b&gt;and&lt;/b&gt; sweet")
    assert await page_has(guest, "4.0 of 5 stars")


async def test_s48_writing_again_replaces_the_first_word(client: Visitor, market: Market) -> None:
    lin = await customer(market.db, LIN)
    await buy(market, lin.id)
    await sign_in(client, LIN)
    await say(client)
    async with market.db.transaction() as conn:
        await moderate(conn, 1, ReviewStatus.SHOWN)
    await say(client, stars="1", text="Not again")
    async with market.db.read() as conn:
        rows = await conn.fetch_all("SELECT stars, text, status FROM reviews")
    assert [tuple(row) for row in rows] == [(1, "Not again", "pending")]


async def test_s48_nobody_reviews_what_was_not_brought(client: Visitor, new_visitor: Any, market: Market) -> None:
    lin, tom = await customer(market.db, LIN), await customer(market.db, TOM)
    waiting_order = await buy(market, lin.id, delivered=False)
    await sign_in(client, LIN)
    assert (await client.get("/account/reviews/1")).status == 404
    assert (await submit(client, "/account/reviews/1", {"stars": "5"}, on="/cart")).status == 404
    async with market.db.transaction() as conn:
        await orders.cancel(conn, waiting_order, actor=orders.Actor.CUSTOMER)
    assert (await client.get("/account/reviews/1")).status == 404
    returned = await buy(market, tom.id)
    other = await new_visitor()
    await sign_in(other, TOM)
    assert (await other.get("/account/reviews/1")).status == 200
    async with market.db.transaction() as conn:
        await orders.ask_return(conn, returned, "soft")
        await orders.decide_return(conn, returned, is_accepted=True)
        await orders.receive_return(conn, returned, fit_for_sale=False)
    assert (await other.get("/account/reviews/1")).status == 404
    for odd in ("x", "999", "1" * 30, "-1"):
        assert (await other.get(f"/account/reviews/{odd}")).status == 404
    async with market.db.read() as conn:
        assert await conn.fetch_value("SELECT count(*) FROM reviews") == 0


@pytest.mark.parametrize("stars", ["", "0", "6", "4.5", "５", "five"])
async def test_stars_are_one_to_five(client: Visitor, market: Market, stars: str) -> None:
    lin = await customer(market.db, LIN)
    await buy(market, lin.id)
    await sign_in(client, LIN)
    answer = await say(client, stars=stars)
    assert answer.status == 422
    assert "Choose from one to five stars." in await answer.text()


async def test_an_order_that_arrived_leads_to_the_form(client: Visitor, market: Market) -> None:
    lin = await customer(market.db, LIN)
    await buy(market, lin.id)
    await sign_in(client, LIN)
    async with market.db.read() as conn:
        number = await conn.fetch_value("SELECT number FROM orders")
    assert 'href="/account/reviews/1"' in await (await client.get(f"/orders/{number}")).text()
    assert "怎么样？" in await (await client.get("/zh/account/reviews/1")).text()
