"""The open queue hears of every order at once, as long as its reader may read it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

import pytest
from aiohttp import ClientResponse

from shop.backoffice.orders.live.views import PER_PERSON
from shop.db import Database
from shop.orders import service as orders
from shop.orders.placing.models import Placed
from shop.web.streams import LIVE
from tests.backoffice.cast import at_work, come_in, employee
from tests.conftest import Visitor
from tests.orders.market import Market
from tests.servers import ShopServer

EVENTS = "/backoffice/orders/events"
END = """
    WITH gone AS (UPDATE staff_sessions SET revoked_at = now() RETURNING id_hash)
    SELECT pg_notify('staff_sessions_revoked', encode(id_hash, 'hex')) FROM gone"""


@pytest.fixture(autouse=True)
def only_news_wake(monkeypatch: pytest.MonkeyPatch) -> None:
    """No sign of life helps: what is told is told because it happened."""
    monkeypatch.setattr("shop.web.streams.HEARTBEAT_SECONDS", 300.0)


async def told(stream: ClientResponse) -> list[bytes]:
    """The next news."""
    async with asyncio.timeout(60):
        return [await stream.content.readline() for _ in range(3)]


async def ended(stream: ClientResponse) -> None:
    """Returns when the stream is at its end, whatever was still told before."""
    async with asyncio.timeout(60):
        await stream.content.read()


async def test_an_order_is_told_when_it_is_placed_and_when_it_moves_on(db: Database, client: Visitor) -> None:
    await at_work(client, db, "orders")
    market = await Market.open(db)
    sku = await market.sku(10)
    async with client.get(EVENTS) as stream:
        assert (stream.status, stream.headers["Content-Type"]) == (200, "text/event-stream")
        assert stream.headers["Cache-Control"] == "no-store"
        placed = await market.buy_one(market.cash_wish(await market.account("mei"), (sku, 2), total=3000))
        assert isinstance(placed, Placed)
        assert await told(stream) == [b"event: news\n", b"data: 1\n", b"\n"]
        page = await (await client.get("/backoffice/orders")).text()
        assert placed.number in page
        assert f'data-queue="{EVENTS}"' in page
        chinese = await (await client.get("/zh/backoffice/orders")).text()
        assert f'data-queue="/zh{EVENTS}"' in chinese
        async with db.transaction() as conn:
            await orders.pack(conn, placed.order_id)
        assert await told(stream) == [b"event: news\n", b"data: 1\n", b"\n"]


async def test_news_end_with_the_session_and_with_the_permission(
    db: Database, new_visitor: Callable[[], Awaitable[Visitor]]
) -> None:
    rose, pan = await new_visitor(), await new_visitor()
    await at_work(rose, db, "orders")
    member = await at_work(pan, db, "orders", "catalogue", name="Pan")
    market = await Market.open(db)
    async with rose.get(EVENTS) as hers, pan.get(EVENTS) as his:
        async with db.transaction() as conn:
            await conn.execute("UPDATE roles SET permissions = '[]' WHERE id = %(id)s", {"id": member.role_id})
        sku = await market.sku(10)
        await market.buy_one(market.wish((sku, 1), total=2000))
        await ended(his)
        assert (await told(hers))[0] == b"event: news\n"
        async with db.transaction() as conn:
            await conn.execute(END)
        await ended(hers)
    assert (await rose.get(f"/zh{EVENTS}", allow_redirects=False)).status == 303


async def test_one_of_the_staff_has_three_queues_open_and_all_end_with_the_shop(
    server: ShopServer, db: Database, new_visitor: Callable[[], Awaitable[Visitor]]
) -> None:
    rose, pan = await new_visitor(), await new_visitor()
    await at_work(rose, db, "orders")
    await come_in(pan, db, await employee(db, "orders", name="Pan"))
    async with AsyncExitStack() as pages:
        streams = [await pages.enter_async_context(rose.get(EVENTS)) for _ in range(PER_PERSON)]
        assert [stream.status for stream in streams] == [200] * 3
        refused = await rose.get(EVENTS)
        assert (refused.status, refused.headers["Retry-After"]) == (429, "30")
        streams.append(await pages.enter_async_context(pan.get(EVENTS)))
        assert streams[-1].status == 200
        server.app[LIVE].close()
        for stream in streams:
            await ended(stream)
    assert (await rose.get(EVENTS)).status == 503
