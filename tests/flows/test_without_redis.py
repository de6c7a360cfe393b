"""The whole shop while its Redis is killed, silent, flushed or back from an old file (promise 7)."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from shop.app import create_app
from shop.db import Database
from shop.embedded import Valkey
from shop.settings import Settings
from tests.catalog.stall import put_up_stall
from tests.history.test_pages import viewed
from tests.servers import leave
from tests.world import EVE, LIN, PASSWORD, TOM, customer, sign_in, submit

Visitor = TestClient[web.Request, web.Application]

Arrive = Callable[[TestServer], Visitor]

GONE = (signal.SIGKILL, signal.SIGSTOP)


@pytest.fixture
async def own_redis(tmp_path: Path) -> AsyncIterator[Valkey]:
    """A Redis of this test's own, to be hurt."""
    server = await asyncio.to_thread(lambda: Valkey(tmp_path).start())
    yield server
    if server.pid:
        os.kill(server.pid, signal.SIGCONT)
    await asyncio.to_thread(server.stop)


@pytest.fixture
async def shop(settings: Settings, own_redis: Valkey, db: Database) -> AsyncIterator[TestServer]:
    """The whole shop on that Redis."""
    own = settings.model_copy(update={"redis_url": own_redis.url, "cache_url": own_redis.cache_url})
    app = await asyncio.to_thread(create_app, own)
    async with TestServer(app, port=settings.port) as server:
        yield server


@pytest.fixture
async def arrive() -> AsyncIterator[Callable[[TestServer], Visitor]]:
    """Call it with the shop for a person with a browser of their own."""
    visitors: list[Visitor] = []

    def arrive(shop: TestServer) -> Visitor:
        visitors.append(TestClient(shop))
        return visitors[-1]

    yield arrive
    for visitor in visitors:
        await leave(visitor)


async def seconds_for(visitor: Visitor, path: str, *, shows: str) -> float:
    began = time.monotonic()
    response = await visitor.get(path, allow_redirects=False)
    assert response.status == 200, path
    assert shows in await response.text()
    return time.monotonic() - began


@pytest.mark.parametrize("fault", GONE)
async def test_f_r1_f_r3_with_redis_gone_people_browse_sign_in_and_out(
    shop: TestServer, arrive: Arrive, own_redis: Valkey, db: Database, fault: signal.Signals
) -> None:
    await put_up_stall(db)
    await customer(db, LIN)
    await customer(db, TOM)
    lin, tom, guest = [arrive(shop) for _ in range(3)]
    await sign_in(lin)
    await seconds_for(lin, "/products/apples", shows="Hello, lin")
    assert own_redis.pid
    os.kill(own_redis.pid, fault)

    assert await seconds_for(lin, "/products/pears", shows="Hello, lin") < 3
    assert await seconds_for(guest, "/products/pears", shows="Pears") < 1
    assert await seconds_for(lin, "/account", shows=LIN.email) < 3
    await sign_in(tom, TOM)
    assert await seconds_for(tom, "/account", shows=TOM.email) < 3
    assert await seconds_for(lin, "/account/history", shows="cannot be shown right now") < 3
    fields = {"username": EVE.username, "email": EVE.email, "password": PASSWORD, "consent": "y"}
    assert (await submit(guest, "/register", fields)).status == 303
    answer = await submit(tom, "/logout", {}, on="/account")
    assert answer.status == 303
    assert (await tom.get("/account", allow_redirects=False)).status == 303
    # the breaker is open by now: Redis costs nothing any more (the quickest of a few, for the machine may be at something else)
    assert min([await seconds_for(lin, "/products/apples", shows="Hello, lin") for _ in range(5)]) < 0.3


async def test_f_r1_redis_is_found_again_within_three_seconds(
    shop: TestServer, arrive: Arrive, own_redis: Valkey, db: Database
) -> None:
    await put_up_stall(db)
    await customer(db, LIN)
    lin = arrive(shop)
    await sign_in(lin)
    await lin.get("/products/apples")
    assert own_redis.pid
    os.kill(own_redis.pid, signal.SIGKILL)
    for _ in range(6):
        await seconds_for(lin, "/products/pears", shows="Hello, lin")
    await asyncio.to_thread(own_redis.stop)  # reaps the dead
    await asyncio.to_thread(own_redis.start)
    back = time.monotonic()
    while await viewed(lin) == []:
        assert time.monotonic() - back < 3
        await asyncio.sleep(0.1)
    await lin.get("/products/bayberries")
    assert (await viewed(lin))[0] == "Bayberries"


async def test_f_r5_i11_redis_started_on_an_old_file_signs_nobody_in_again(
    shop: TestServer, arrive: Arrive, own_redis: Valkey, db: Database, settings: Settings, tmp_path: Path
) -> None:
    await put_up_stall(db)
    await customer(db, LIN)
    lin = arrive(shop)
    await sign_in(lin)
    await seconds_for(lin, "/products/apples", shows="Hello, lin")
    cookie = next(cookie.value for cookie in lin.session.cookie_jar if cookie.key == "session")
    await asyncio.to_thread(own_redis.stop)
    await asyncio.to_thread(shutil.copytree, own_redis.home, tmp_path / "old")
    await asyncio.to_thread(own_redis.start)
    assert (await submit(lin, "/logout", {}, on="/account")).status == 303

    await asyncio.to_thread(own_redis.stop)
    for file in (tmp_path / "old").rglob("appendonly*"):
        if file.is_file():
            await asyncio.to_thread(shutil.copy, file, own_redis.home / file.relative_to(tmp_path / "old"))
    await asyncio.to_thread(own_redis.start)
    thief = arrive(shop)
    headers = {"Cookie": f"session={cookie}"}
    assert (await thief.get("/account", headers=headers, allow_redirects=False)).status == 303
    assert "Hello, lin" not in await (await thief.get("/products/apples", headers=headers)).text()
    # a process that was not there when it happened
    await shop.close()
    own = settings.model_copy(update={"redis_url": own_redis.url, "cache_url": own_redis.cache_url})
    async with TestServer(await asyncio.to_thread(create_app, own), port=settings.port) as another:
        late = arrive(another)
        assert "Hello, lin" not in await (await late.get("/products/apples", headers=headers)).text()
        assert (await late.get("/account", headers=headers, allow_redirects=False)).status == 303
