"""A hundred people sign in at once: as many as can be served in time come in, the others are told to wait, and who looks at goods notices
nothing.

The shop is served as in production, in a process and on a core of its own; the crowd and who browses are measured from here.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from collections.abc import Iterator

import aiohttp
import psycopg2
import pytest

from shop.passwords import QUEUE, THREADS, hash_password
from tests.bench.shop import Served, demo_shop, served

pytestmark = pytest.mark.slow

CROWD = int(os.environ.get("BAYBERRY_CROWD", "100"))  # `make faults`: 500
PASSWORD = "plum-rain-in-june"
PRODUCT = "/products/fuji-apples"
LOOKS_BEFORE = 20
ADD = """
    INSERT INTO accounts (username, username_key, email, email_key, password_hash, activated_at)
    SELECT 'guest' || n, 'guest' || n, 'guest' || n || '@example.com', 'guest' || n || '@example.com', %(hash)s, now()
    FROM generate_series(0, %(last)s) n"""


@pytest.fixture
def shop(real_hashes: None) -> Iterator[Served]:
    """A production shop behind a proxy, with a crowd of customers."""
    with demo_shop() as place:
        with psycopg2.connect(place["SHOP_DATABASE_OWNER_URL"]) as connection, connection.cursor() as cursor:
            cursor.execute(ADD, {"hash": hash_password(PASSWORD), "last": CROWD - 1})
        with served(place | {"SHOP_TRUSTED_PROXIES": "127.0.0.1/32"}) as server:
            yield server


@pytest.fixture
def other_core() -> Iterator[None]:
    """Measure from a core the shop does not run on, where there is one."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores - {0} or cores)
    yield
    os.sched_setaffinity(0, cores)


async def test_s11_a_crowd_that_signs_in_leaves_the_pages_alone(shop: Served, other_core: None) -> None:
    waits: list[float] = []
    is_over = asyncio.Event()
    async with aiohttp.ClientSession(
        cookie_jar=aiohttp.DummyCookieJar(), connector=aiohttp.TCPConnector(limit=0)
    ) as web:

        async def look() -> None:
            began = time.perf_counter()
            async with web.get(shop.url(PRODUCT)) as answer:
                await answer.read()
                assert answer.status == 200
            waits.append(time.perf_counter() - began)

        async def browse() -> None:
            while not is_over.is_set():
                await look()
                await asyncio.sleep(0.002)

        async def come(n: int) -> int:
            fields = {"login": f"guest{n}", "password": PASSWORD}
            network = {"X-Forwarded-For": f"198.51.{100 + n // 250}.{n % 250}"}
            async with web.post(shop.url("/login"), data=fields, headers=network, allow_redirects=False) as answer:
                return answer.status

        for _ in range(LOOKS_BEFORE):
            await look()
        waits.clear()
        readers = [asyncio.create_task(browse()) for _ in range(4)]
        statuses = await asyncio.gather(*(come(n) for n in range(CROWD)))
        is_over.set()
        await asyncio.gather(*readers)
    assert set(statuses) <= {303, 503}
    # those at work when the crowd comes may be its first or not
    assert statuses.count(303) >= (THREADS + QUEUE if CROWD == 100 else QUEUE)
    assert len(waits) >= 20
    assert statistics.quantiles(waits, n=100)[98] <= 0.25
