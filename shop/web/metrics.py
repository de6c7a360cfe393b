"""What this process counts, in Prometheus' words."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

from aiohttp import web
from prometheus_client import Counter, Histogram, generate_latest

from shop.keys import DB
from shop.metrics import LOOP_LAG, POOL, REPEATED
from shop.web.peers import came_through_proxy

SAMPLE_SECONDS = 0.5

REQUESTS = Counter("shop_requests_total", "Answered requests", ["route", "status"])
SECONDS = Histogram(
    "shop_request_seconds",
    "Time to answer",
    ["route"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 3, 8),
)


class Observed:
    """Counts answers of one route with the look-ups done beforehand: 200 and 304 only."""

    __slots__ = ("_counters", "_seconds")

    def __init__(self, route: str) -> None:
        self._counters = {status: REQUESTS.labels(route, str(status)) for status in (200, 304)}
        self._seconds = SECONDS.labels(route)

    def __call__(self, status: int, seconds: float) -> None:
        self._counters[status].inc()
        self._seconds.observe(seconds)


def observe(route: str, status: int, seconds: float) -> None:
    """Counts one answer; `route` is a name of shop.urls, never a path, so that the number of series stays bounded."""
    REQUESTS.labels(route, str(status)).inc()
    SECONDS.labels(route).observe(seconds)


async def metrics(request: web.Request) -> web.Response:
    """The counters as text; for the machine's own scraper, so what came through the proxy finds nothing here."""
    if came_through_proxy(request) or "X-Forwarded-For" in request.headers:
        raise web.HTTPNotFound
    body = await asyncio.to_thread(generate_latest)  # it reads files below /proc
    return web.Response(body=body, content_type="text/plain", charset="utf-8")


async def measured(app: web.Application) -> AsyncIterator[None]:
    """Twice a second: how late the loop comes round, and how many connections to PostgreSQL are lent."""
    sampling = asyncio.create_task(_sample(app))
    yield
    sampling.cancel()
    with suppress(asyncio.CancelledError):
        await sampling


async def _sample(app: web.Application) -> None:
    loop = asyncio.get_running_loop()
    pool = app[DB].pool
    POOL.labels("most").set(pool.max_size)
    while True:
        due = loop.time() + SAMPLE_SECONDS
        await asyncio.sleep(SAMPLE_SECONDS)
        LOOP_LAG.observe(max(0.0, loop.time() - due))
        POOL.labels("busy").set(pool.busy)
        POOL.labels("all").set(pool.size)
        REPEATED.set(app[DB].retries)
