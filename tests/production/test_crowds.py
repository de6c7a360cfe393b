"""Crowds at the proxy that hold on to what they have: idle, slow to ask, slow to read. Others notice nothing.

Small numbers here; `make faults` brings 10,000 (BAYBERRY_IDLE) and compares the times of others with and without them.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from shop.settings import Settings
from tests.production.host import Host, Upstream, answer, browser, host, needs_nginx, nginx, tls
from tests.servers import scratch_folder

pytestmark = needs_nginx

IDLE = int(os.environ.get("BAYBERRY_IDLE", "100"))
SLOW = max(30, IDLE // 5)
LARGE = "x" * 1_000_000
ASKED = 2000 if IDLE >= 1000 else 60
Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture(scope="module")
def proxy(settings: Settings) -> Iterator[Host]:
    with (
        scratch_folder() as folder,
        host(folder, settings, roles="web,proxy", requests_per_second=5000, connections=20_000) as place,
        nginx(place),
    ):
        yield place


@pytest.fixture
async def shop(proxy: Host) -> AsyncIterator[Upstream]:
    one = Upstream(proxy.places.run / "web-1.sock")
    one.answer = lambda request: answer(LARGE if request.target.startswith("/large") else "hello")
    await one.open()
    yield one
    await one.close()


@asynccontextmanager
async def lines_to(proxy: Host, count: int, *, says: str) -> AsyncIterator[list[Line]]:
    """So many connections, each of which has said this much."""
    port = int(proxy.answers.host.https.rpartition(":")[2])
    context, made = tls(), list[Line]()
    try:
        for _ in range(count):
            made.append(
                await asyncio.open_connection(
                    "127.0.0.1", port, ssl=context, server_hostname="shop.example", limit=1024
                )
            )
            made[-1][1].write(says.encode())
        yield made
    finally:
        for _, writer in made:
            writer.transport.abort()


async def times(visitor: aiohttp.ClientSession, count: int = ASKED) -> list[float]:
    """How long others wait, in seconds, one after another."""
    taken = []
    for number in range(count):
        began = time.perf_counter()
        async with visitor.get(f"/products/{number}", headers={"Cookie": "session=a"}) as got:
            assert (got.status, await got.text()) == (200, "hello")
        taken.append(time.perf_counter() - began)
    return taken


@pytest.mark.parametrize("what", ["idle", "slow headers", "slow bodies"])
async def test_f_n2_f_n3_those_who_wait_and_say_little_never_reach_the_shop(
    proxy: Host, shop: Upstream, what: str
) -> None:
    name = proxy.answers.authority
    says = {
        "idle": "",
        "slow headers": f"GET / HTTP/1.1\r\nHost: {name}\r\nX-Slow: ",
        "slow bodies": f"POST /login HTTP/1.1\r\nHost: {name}\r\nContent-Length: 1000\r\n\r\nlogin=",
    }[what]
    async with browser(proxy) as visitor:
        alone = await times(visitor)
        async with lines_to(proxy, IDLE if what == "idle" else SLOW, says=says):
            among = await times(visitor)
    assert {request.method for request in shop.requests} == {"GET"}
    assert len(shop.requests) == 2 * ASKED
    report(what, alone, among)


async def test_n6_f_n3_those_who_read_slowly_hold_the_proxy_and_not_the_shop(proxy: Host, shop: Upstream) -> None:
    """A megabyte for each, of which they read nothing: the shop has given it all away and is free."""
    asks = f"GET /large HTTP/1.1\r\nHost: {proxy.answers.authority}\r\nCookie: session=a\r\n\r\n"
    async with browser(proxy) as visitor:
        alone = await times(visitor)
        async with lines_to(proxy, SLOW, says=asks):
            async with asyncio.timeout(60):
                while shop.answered < ASKED + SLOW:
                    await asyncio.sleep(0.02)
            among = await times(visitor)
    report("slow readers", alone, among)


async def test_f_n5_a_flood_from_one_address_is_told_so_at_once(settings: Settings) -> None:
    """One request a second and five at once are allowed here; whoever is refused costs the shop nothing."""
    with scratch_folder() as folder:
        place = await asyncio.to_thread(host(folder, settings, roles="web,proxy", requests_per_second=1).__enter__)
        shop = Upstream(place.places.run / "web-1.sock")
        await shop.open()
        running = nginx(place)
        await asyncio.to_thread(running.__enter__)
        try:
            async with browser(place) as visitor:
                asked = [visitor.get("/cart", headers={"Cookie": "session=a"}) for _ in range(100)]
                statuses = [got.status for got in await asyncio.gather(*asked)]
        finally:
            await asyncio.to_thread(running.__exit__, None, None, None)
            await shop.close()
    assert set(statuses) == {200, 429}
    assert statuses.count(200) == len(shop.requests)
    assert statuses.count(429) >= 50


def report(what: str, alone: list[float], among: list[float]) -> None:
    """Print both; in `make faults` the slowest in a hundred may take a fifth longer (plus what a timer can tell)."""
    before, after = quietest(alone), quietest(among)
    for percent in (50, 99):
        print(f"{what}: p{percent} {before[percent] * 1e3:.1f} ms, then {after[percent] * 1e3:.1f} ms")
    if IDLE >= 1000:
        assert after[99] <= 1.2 * before[99] + 0.01


def quietest(taken: list[float]) -> dict[int, float]:
    """The middle and the slowest in a hundred, each of the quarter in which the machine had least else to do."""
    size = len(taken) // 4
    quarters = [statistics.quantiles(taken[at : at + size], n=100) for at in range(0, 4 * size, size)]
    return {percent: min(quarter[percent - 1] for quarter in quarters) for percent in (50, 99)}
