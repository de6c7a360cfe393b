"""What a web process holds in memory: after its visitors have seen the demo, and for each order page that waits for news.

The goal is 120 MiB after a walk through the whole demo as guest and as customer.
"""

from __future__ import annotations

import asyncio
import base64
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from shop.db import Database
from shop.orders.links import order_key
from shop.orders.placing.models import Placed
from shop.tokens import Tokens
from tests.bench.results import Result
from tests.bench.shop import ROOT, Served, Shops, _until_stopped, body_of, free_port, signed_in_cookie
from tests.orders.market import Market

PAGES = int(os.environ.get("BAYBERRY_WAITING_PAGES", "10000"))
GOAL = 120.0  # MiB
PAGE_GOAL = 24.0  # KiB
LINK = re.compile(rb'href="(/(?:zh/)?(?:categories|products)/[^"#?]+)"')
# The shop lets 2,000 pages wait, six of one guest's order; here one order is watched by all.
SERVE = """
import shop.orders.live as live, run, sys
live.PER_VISITOR = live.IN_ALL = 1_000_000
sys.exit(run.main(["serve"]))
"""


@contextmanager
def served(place: Mapping[str, str]) -> Iterator[Served]:
    """`run.py serve` without the limits on waiting pages."""
    port = free_port()
    ours = {**os.environ, **place, "SHOP_PORT": str(port), "SHOP_URL": f"http://127.0.0.1:{port}"}
    process = subprocess.Popen([sys.executable, "-c", SERVE], cwd=ROOT, env=ours)
    yield from _until_stopped(Served(process, port), "/healthz")


def megabytes(server: Served) -> float:
    """What the process holds."""
    pages = int(Path(f"/proc/{server.process.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1024**2


def walk(server: Served, headers: Mapping[str, str]) -> int:
    """Look at everything that the home pages lead to; how many pages that is."""
    waiting, seen = ["/", "/zh"], set[str]()
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        waiting += {found.decode() for found in LINK.findall(body_of(server, path, headers))} - seen
    return len(seen)


async def an_order(place: Mapping[str, str]) -> str:
    """Place an order as a guest; the path of its news."""
    database = await Database.open(url=place["SHOP_DATABASE_URL"])
    market = await Market.open(database)
    sku = await market.sku(1)
    answer = await market.buy_one(market.wish((sku, 1), total=2000))
    await database.close()
    assert isinstance(answer, Placed), answer
    key = order_key(Tokens([base64.b64decode(place["SHOP_SECRET_KEYS"])]), answer.number)
    return f"/orders/{answer.number}/events?key={key}"


async def wait_for_news(server: Served, path: str, count: int) -> float:
    """Open so many pages that wait; MiB by which the process has grown once all are open and quiet."""
    before = megabytes(server)
    writers = []
    for _ in range(count):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        writers.append(writer)
    await asyncio.sleep(2)
    grown = megabytes(server) - before
    for writer in writers:
        writer.close()
    return grown


def main(shops: Shops) -> list[Result]:
    """Both figures, of one process."""
    with served(shops.small) as server:
        print(f"one web process after its start      {megabytes(server):7.1f} MiB")
        pages = walk(server, {}) + walk(server, {"Cookie": signed_in_cookie(server)})
        held = megabytes(server)
        print(f"after {pages:>4} pages of the demo         {held:7.1f} MiB")
        grown = asyncio.run(wait_for_news(server, asyncio.run(an_order(shops.small)), PAGES))
        print(f"{PAGES} order pages that wait for news  {grown:7.1f} MiB")
    return [
        Result("memory of one web process after the whole demo", held, GOAL, "MiB"),
        Result("memory of an order page that waits for news", grown * 1024 / PAGES, PAGE_GOAL, "KiB"),
    ]
