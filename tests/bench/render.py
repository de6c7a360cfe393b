"""What rendering costs when a page is not kept: the template with its data at hand, in CPU of one process.

The bare handler's cost of a request on this machine stands beside it: 26 µs on the machine the goal was set for. Every card is
rendered anew, as in the first minute of a process; with the cards remembered, as ever after, is printed too.
"""

from __future__ import annotations

import gc
import os
import statistics
import time
from collections.abc import Mapping
from typing import Any
from unittest import mock

import uvloop
from aiohttp import ClientSession, web

from shop.app import create_app
from shop.keys import LANG
from shop.settings import Settings
from shop.web import pages
from shop.web.server import Runner
from shop.web.templating import environment_of
from tests.bench.results import Result
from tests.bench.shop import Shops, bare, free_port

PATHS = {"product": "/products/fuji-apples", "category": "/categories/fruit", "home": "/"}
GOAL = 1.5  # ms, where the bare handler costs 26 µs
REFERENCE = 26.0
BATCH, BATCHES = 10, 40

Drawing = tuple[web.Request, str, Mapping[str, Any]]


async def drawings(place: Mapping[str, str]) -> dict[str, Drawing]:
    """What each page is rendered from: its request, template and context."""
    port = free_port()
    settings = Settings.load({**os.environ, **place, "SHOP_URL": f"http://127.0.0.1:{port}"}, development=False)
    runner = Runner(create_app(settings))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    found: dict[str, Drawing] = {}
    real = pages.rendered
    for name, path in PATHS.items():

        def noted(request: web.Request, template: str, context: Mapping[str, Any], page: str = name) -> str:
            found[page] = (request, template, context)
            return real(request, template, context)

        with mock.patch.object(pages, "rendered", noted):
            async with ClientSession() as session, session.get(f"http://127.0.0.1:{port}{path}") as answer:
                await answer.read()
    await runner.cleanup()
    return found


def milliseconds(drawing: Drawing, *, anew: bool) -> float:
    """The median CPU of a rendering, with the cards of lists `anew` or as they are remembered."""
    request = drawing[0]
    memoized: Any = environment_of(request.app, request[LANG]).globals["memoized"]
    pages.rendered(*drawing)
    gc.collect()
    gc.freeze()
    times = []
    for _ in range(BATCHES):
        began = time.process_time()
        for _ in range(BATCH):
            if anew:
                memoized.cache_clear()
            pages.rendered(*drawing)
        times.append((time.process_time() - began) / BATCH * 1e3)
    return statistics.median(times)


def main(shops: Shops) -> list[Result]:
    """Prints a line for each page."""
    with bare(b"x" * 20_000) as plain:
        unit = statistics.median(plain.measured("/", seconds=1, headers={}).cpu for _ in range(5))

    async def everything() -> dict[str, Drawing]:
        return await drawings(shops.small)

    results = []
    for name, drawing in uvloop.run(everything()).items():
        cost, again = milliseconds(drawing, anew=True), milliseconds(drawing, anew=False)
        there = cost * REFERENCE / unit
        print(
            f"{name}: {cost:.2f} ms, {cost * 1e3 / unit:.0f} bare requests of {unit:.0f} µs; {there:.2f} ms at {REFERENCE:.0f} µs, "
            f"{again * REFERENCE / unit:.2f} with its cards remembered"
        )
        results.append(Result(f"rendering a {name} page", there, GOAL, f"ms at {REFERENCE:.0f} µs a bare request"))
    return results
