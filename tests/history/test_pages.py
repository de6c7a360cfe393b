"""Recently viewed, as a member meets it."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.test_utils import TestClient

from shop.db import Database
from shop.embedded import Valkey
from tests.catalog.stall import put_up_stall, sell
from tests.world import LIN, TOM, customer, sign_in, submit

Visitor = TestClient[web.Request, web.Application]
Arrive = Callable[[], Awaitable[Visitor]]

CARD = re.compile(r'class="card__name"><a href="[^"]*">([^<]+)</a>')
RECENT = re.compile(r'<section class="recent".*?</section>', re.DOTALL)


async def viewed(visitor: Visitor, path: str = "/account/history") -> list[str]:
    """The names on the page of the list, in order."""
    response = await visitor.get(path)
    assert response.status == 200
    return CARD.findall(await response.text())


async def shelf(visitor: Visitor, path: str) -> list[str]:
    """The names on the shelf at the end of another page."""
    found = RECENT.search(await (await visitor.get(path)).text())
    return CARD.findall(found[0]) if found else []


async def test_what_a_member_looks_at_is_found_again_latest_first(client: Visitor, db: Database) -> None:
    await put_up_stall(db)
    await customer(db, LIN)
    await sign_in(client)
    assert await viewed(client) == []
    for slug in ("apples", "pears", "bayberries", "apples"):
        assert (await client.get(f"/products/{slug}")).status == 200
    assert await viewed(client) == ["Apples", "Bayberries", "Pears"]
    assert await viewed(client, "/zh/account/history") == ["苹果", "杨梅", "梨"]
    assert await shelf(client, "/") == ["Apples", "Bayberries", "Pears"]
    assert await shelf(client, "/products/pears") == ["Apples", "Bayberries"]  # not the page itself


async def test_only_twenty_are_kept(client: Visitor, db: Database) -> None:
    stall = await put_up_stall(db)
    names = [f"Fruit {n:02}" for n in range(23)]
    async with db.transaction() as conn:
        for name in names:
            await sell(conn, stall.categories["Fruit"], name, name, price=100)
    await customer(db, LIN)
    await sign_in(client)
    for name in names:
        await client.get(f"/products/{name.lower().replace(' ', '-')}")
    assert await viewed(client) == names[:2:-1]


async def test_clearing_leaves_nothing(client: Visitor, db: Database) -> None:
    await put_up_stall(db)
    await customer(db, LIN)
    await sign_in(client)
    await client.get("/products/apples")
    answer = await submit(client, "/account/history/clearing", {}, on="/account/history")
    assert (answer.status, answer.headers["Location"]) == (303, "/account/history")
    page = await (await client.get("/account/history")).text()
    assert "Your list is empty now." in page
    assert CARD.findall(page) == []


async def test_s27_a_list_is_its_owners_alone(new_visitor: Arrive, db: Database) -> None:
    await put_up_stall(db)
    await customer(db, LIN)
    await customer(db, TOM)
    lin, tom, guest = await new_visitor(), await new_visitor(), await new_visitor()
    await sign_in(lin)
    await sign_in(tom, TOM)
    await lin.get("/products/apples")
    await guest.get("/products/pears")
    assert await viewed(lin) == ["Apples"]
    assert await viewed(tom) == []
    assert (await guest.get("/account/history", allow_redirects=False)).status == 303


async def test_what_a_guest_looked_at_comes_along_and_made_up_ids_do_not(client: Visitor, db: Database) -> None:
    stall = await put_up_stall(db)
    await customer(db, LIN)
    await sign_in(client)
    await client.get("/products/bayberries")
    await submit(client, "/logout", {}, on="/account")
    sent = f"{stall.products['Pears']},999999,x,{stall.products['Apples']},{stall.products['Pears']},-1"
    answer = await submit(client, "/login", {"login": LIN.username, "password": "plum-rain-in-june", "viewed": sent})
    assert answer.status == 303
    assert await viewed(client) == ["Pears", "Apples", "Bayberries"]


async def test_goods_no_longer_sold_are_left_out(client: Visitor, db: Database) -> None:
    await put_up_stall(db)
    await customer(db, LIN)
    await sign_in(client)
    await client.get("/products/apples")
    await client.get("/products/pears")
    async with db.transaction() as conn:
        await conn.execute("UPDATE products SET status = 'offline' WHERE slugs->>'en' = 'pears'")
        await conn.execute(
            "UPDATE skus SET is_listed = false WHERE product_id IN (SELECT id FROM products WHERE status = 'offline')"
        )
    assert await viewed(client) == ["Apples"]


async def test_f_r2_a_flushed_redis_empties_the_list_and_nothing_else(
    client: Visitor, db: Database, valkey: Valkey
) -> None:
    from redis import asyncio as aioredis

    await put_up_stall(db)
    await customer(db, LIN)
    await sign_in(client)
    await client.get("/products/apples")
    redis = aioredis.Redis.from_url(valkey.url)
    await redis.flushall()
    await redis.aclose()
    assert await viewed(client) == []
    await client.get("/products/pears")
    assert await viewed(client) == ["Pears"]


async def test_an_old_session_cookie_makes_no_page_for_everybody(client: Visitor, db: Database) -> None:
    """Its forms carry a token of that cookie, so the page is nobody else's."""
    await put_up_stall(db)
    old = {"Cookie": f"session={'a' * 32}.{'b' * 43}"}
    first = await client.get("/products/apples", headers=old)
    assert first.headers["Cache-Control"] == "no-store"
    assert "ETag" not in first.headers
    clean = await client.get("/products/apples")
    assert clean.headers["Cache-Control"].startswith("public")
    assert "csrf_token" not in await clean.text()
