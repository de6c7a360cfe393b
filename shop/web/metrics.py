"""What this process counts, in Prometheus' words.

Requests are counted in plain numbers: one loop answers them all, and the library's locked counters cost a page of a member a tenth.
"""

import asyncio
from bisect import bisect_left
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from itertools import accumulate

from aiohttp import web
from prometheus_client import REGISTRY, generate_latest
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from shop.keys import DB
from shop.metrics import LOOP_LAG, POOL, REPEATED
from shop.web.access import anyone
from shop.web.peers import came_through_proxy
from shop.web.routing import endpoint

SAMPLE_SECONDS = 0.5
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 3.0, 8.0)


class Observed:
    """The answers of one route: how many of each status, and how long they took."""

    __slots__ = ("counts", "seconds", "statuses")

    def __init__(self) -> None:
        self.statuses: dict[int, int] = {}
        self.counts = [0] * (len(SECONDS) + 1)  # the last is for what took longer
        self.seconds = 0.0

    def __call__(self, status: int, seconds: float) -> None:
        self.statuses[status] = self.statuses.get(status, 0) + 1
        self.counts[bisect_left(SECONDS, seconds)] += 1
        self.seconds += seconds


class Answers(Collector):
    """Counts per route; `route` is a name of shop.urls, never a path, so that the number of series stays bounded."""

    def __init__(self) -> None:
        self._routes: dict[str, Observed] = {}

    def of(self, route: str) -> Observed:
        """Where the answers of a route are counted."""
        return self._routes.get(route) or self._routes.setdefault(route, Observed())

    def collect(self) -> Iterator[Metric]:
        """The counters as they are now; called by a thread, while the loop counts on."""
        requests = CounterMetricFamily("shop_requests", "Answered requests", labels=("route", "status"))
        seconds = HistogramMetricFamily("shop_request_seconds", "Time to answer", labels=("route",))
        for route, observed in self._routes.copy().items():
            for status, count in observed.statuses.copy().items():
                requests.add_metric((route, str(status)), count)
            ends = (*map(str, SECONDS), "+Inf")
            seconds.add_metric((route,), list(zip(ends, accumulate(observed.counts), strict=True)), observed.seconds)
        yield requests
        yield seconds


ANSWERS = Answers()
REGISTRY.register(ANSWERS)


def observe(route: str, status: int, seconds: float) -> None:
    """Counts one answer."""
    ANSWERS.of(route)(status, seconds)


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


ROUTES = [endpoint("health.metrics", metrics, anyone)]
