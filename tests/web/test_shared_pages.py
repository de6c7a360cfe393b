"""Kept pages that processes share through Redis: rendered once for all, never stale, never another's than ours."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import psycopg2
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from shop.app import create_app
from shop.cache.client import RedisClient
from shop.db import Database
from shop.embedded import Postgres, Valkey
from shop.settings import Settings
from shop.web import respond, shared_pages
from shop.web.pages import PAGES, Pages
from tests.catalog.stall import Stall, put_up_stall
from tests.conftest import Visitor
from tests.servers import ShopServer, leave
from tests.world import customer, sign_in

PATH = "/products/pears"
RAISE = "UPDATE skus SET price = 777 WHERE code = 'PEARS-1'"

Renders = list[object]


@asynccontextmanager
async def process(settings: Settings) -> AsyncIterator[Visitor]:
    """A visitor of one more process of the shop, which listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    app = await asyncio.to_thread(create_app, settings.model_copy(update={"port": port}))
    async with ShopServer(app, port=port) as server:
        await happens(lambda: app[PAGES].changes.is_listening)
        visitor: Visitor = TestClient(server)
        try:
            yield visitor
        finally:
            await leave(visitor)


@pytest.fixture
async def one(settings: Settings, stall: Stall) -> AsyncIterator[Visitor]:
    async with process(settings) as visitor:
        yield visitor


@pytest.fixture
async def two(settings: Settings, stall: Stall) -> AsyncIterator[Visitor]:
    async with process(settings) as visitor:
        yield visitor


@pytest.fixture
async def stall(db: Database) -> Stall:
    return await put_up_stall(db)


@pytest.fixture
async def redis(valkey: Valkey) -> AsyncIterator[RedisClient]:
    """Redis as whoever can write to it sees it."""
    client = RedisClient.open(valkey.cache_url)
    yield client
    await client.close()


@pytest.fixture
def renders(monkeypatch: pytest.MonkeyPatch) -> Renders:
    """One entry for each rendering of a page, in all processes; Redis is given time on a busy machine."""
    monkeypatch.setattr(shared_pages, "ASK_SECONDS", 5.0)
    counted: Renders = []
    real = respond.rendered

    def rendered(*args: object) -> str:
        counted.append(args[1])
        return real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr("shop.web.pages.rendered", rendered)
    return counted


async def happens(what: Callable[[], object | Awaitable[object]], seconds: float = 5) -> None:
    until = asyncio.get_running_loop().time() + seconds
    while True:
        answer = what()
        if (await answer) if isinstance(answer, Awaitable) else answer:
            return
        assert asyncio.get_running_loop().time() < until
        await asyncio.sleep(0.01)


async def text_of(visitor: Visitor, path: str = PATH) -> str:
    response = await visitor.get(path)
    assert response.status == 200
    return await response.text()


def pages_of(visitor: Visitor) -> Pages:
    app = visitor.app
    assert isinstance(app, web.Application)
    return app[PAGES]


async def entries(redis: RedisClient) -> list[bytes]:
    return list(await redis.execute("KEYS", "pages:1:*"))


async def stored(redis: RedisClient, count: int = 1) -> list[bytes]:
    """The entries as soon as there are so many; they are written behind the answer."""
    await happens(lambda: _has(redis, count))
    return await entries(redis)


async def _has(redis: RedisClient, count: int) -> bool:
    return len(await entries(redis)) >= count


def change(postgres: Postgres) -> None:
    with psycopg2.connect(postgres.web_url) as other, other.cursor() as cursor:
        cursor.execute(RAISE)


async def test_a_page_is_rendered_once_for_all_processes(
    one: Visitor, two: Visitor, redis: RedisClient, renders: Renders
) -> None:
    first = await one.get(PATH)
    (entry,) = await stored(redis)
    assert 50_000 < await redis.execute("PTTL", entry) <= 60_000
    second = await two.get(PATH)

    assert await second.text() == await first.text()
    assert second.headers["ETag"] == first.headers["ETag"]
    assert len(renders) == 1
    # it is kept in the second process now: Redis is not asked again
    await redis.execute("FLUSHALL")
    await text_of(two)
    assert len(renders) == 1


async def test_a_shared_page_is_filled_for_its_own_visitor(
    one: Visitor, two: Visitor, redis: RedisClient, renders: Renders, db: Database
) -> None:
    await customer(db)
    await sign_in(one)
    assert "Hello, lin" in await text_of(one)
    await stored(redis)

    renders.clear()
    page = await text_of(two)
    assert "Hello, lin" not in page
    assert "Pears" in page
    assert await text_of(two, "/zh/products/pears-zh") != page
    assert len(renders) == 1  # the Chinese one
    history = await two.get("/account/history", allow_redirects=False)
    assert history.status == 303


@pytest.mark.parametrize("path", [PATH, "/categories/fruit", "/"])
async def test_a_change_is_seen_in_every_process_within_a_second(
    one: Visitor, two: Visitor, redis: RedisClient, renders: Renders, postgres: Postgres, path: str
) -> None:
    for visitor in (one, two):
        assert "8.00" in await text_of(visitor, path) or path == "/"
    await stored(redis)
    await asyncio.to_thread(change, postgres)
    if path != "/":  # the home page of this stall shows none of them
        await happens(lambda: not pages_of(one).kept and not pages_of(two).kept)

    renders.clear()
    pages = [await text_of(visitor, path) for visitor in (one, two)]
    assert pages[0] == pages[1]
    assert all("8.00" not in page for page in pages)
    if path != "/":
        assert "7.77" in pages[0]


async def test_a_page_rendered_before_a_change_and_stored_after_it_is_never_used(
    one: Visitor, two: Visitor, redis: RedisClient, renders: Renders, postgres: Postgres
) -> None:
    await text_of(one)
    (entry,) = await stored(redis)
    before = await redis.execute("GET", entry)
    await text_of(two)  # so that both are seen to have heard of the change
    await redis.execute("FLUSHALL")
    await asyncio.to_thread(change, postgres)
    await happens(lambda: not pages_of(one).kept and not pages_of(two).kept)
    await redis.execute("SET", entry, before)  # a slow process writes what it has read before

    assert "7.77" in await text_of(two)
    assert "7.77" in await text_of(one)


async def test_a_process_that_missed_the_news_does_not_use_an_old_page(
    one: Visitor, redis: RedisClient, renders: Renders, postgres: Postgres, settings: Settings
) -> None:
    await text_of(one)
    (entry,) = await stored(redis)
    before = await redis.execute("GET", entry)
    await asyncio.to_thread(change, postgres)
    async with process(settings) as late:
        await redis.execute("SET", entry, before)
        assert "7.77" in await text_of(late)


async def test_a_process_that_cannot_hear_takes_nothing_from_redis(
    one: Visitor, two: Visitor, redis: RedisClient, renders: Renders
) -> None:
    await text_of(one)
    await stored(redis)
    await pages_of(two).changes.stop()

    await text_of(two)
    assert len(renders) == 2


async def test_s57_whoever_writes_to_redis_cannot_write_our_pages(
    one: Visitor, two: Visitor, redis: RedisClient, renders: Renders
) -> None:
    pears, apples = await text_of(one), await text_of(one, "/products/apples")
    both = await stored(redis, 2)
    sealed = [await redis.execute("GET", entry) for entry in both]
    assert all(b"Pears" not in data and b"Apples" not in data for data in sealed)
    planted = [
        [sealed[1], sealed[0]],  # swapped
        [data[:-1] + bytes([data[-1] ^ 1]) for data in sealed],
        [data[: len(data) // 2] for data in sealed],
        [b"=\xc4\x05<h1>!", b"<h1>hello</h1>"],
        [b"=\xc0", b"7"],
    ]
    for values in planted:
        renders.clear()
        for entry, value in zip(both, values, strict=True):
            await redis.execute("SET", entry, value)
        for key in list(pages_of(two).kept):
            pages_of(two).drop(key)
        assert await text_of(two) == pears
        assert await text_of(two, "/products/apples") == apples
        assert len(renders) == 2
    await redis.execute("DEL", *both)
    for entry in both:
        await redis.execute("RPUSH", entry, "no string at all")
    for key in list(pages_of(two).kept):
        pages_of(two).drop(key)
    assert await text_of(two) == pears


async def test_a_page_ends_for_all_when_it_ends(
    one: Visitor, two: Visitor, redis: RedisClient, renders: Renders, db: Database
) -> None:
    async with db.transaction() as conn:
        await conn.execute(
            "UPDATE skus SET offer_price = 555, offer_from = now(), offer_until = now() + interval '4 seconds'"
            " WHERE code = 'PEARS-1'"
        )
    await asyncio.sleep(0.3)
    assert "5.55" in await text_of(one)
    (entry,) = await stored(redis)
    assert 0 < await redis.execute("PTTL", entry) <= 4_000
    await redis.execute("PERSIST", entry)  # even when Redis forgets to
    await asyncio.sleep(4)
    assert "5.55" not in await text_of(two)


async def test_another_release_shop_or_key_has_pages_of_its_own(
    one: Visitor, redis: RedisClient, renders: Renders, settings: Settings
) -> None:
    await text_of(one)
    await stored(redis)
    for other in ({"name": "Another shop"}, {"secret_keys": (b"k" * 32,)}, {"languages": ("en",)}):
        async with process(settings.model_copy(update=other)) as elsewhere:
            await text_of(elsewhere)
    assert len(renders) == 4
    assert len(await stored(redis, 4)) == 4


async def test_nobody_fills_redis_by_walking_through_lists(
    one: Visitor, redis: RedisClient, renders: Renders, monkeypatch: pytest.MonkeyPatch
) -> None:
    await text_of(one)
    await stored(redis)
    monkeypatch.setattr(shared_pages, "BYTES", pages_of(one).shared._written)
    for path in ("/products/apples", "/categories/fruit", "/categories/berries"):
        await text_of(one, path)
    await asyncio.sleep(0.1)
    assert len(await entries(redis)) == 1
