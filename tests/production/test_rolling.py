"""nginx in front of two real web processes: visitors who stay themselves, processes that die or start again under load."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest

from shop.db import Database
from shop.settings import Settings
from tests.catalog.stall import put_up_stall
from tests.production.host import Host, browser, counted, host, needs_nginx, nginx
from tests.production.place import asked, manager
from tests.servers import scratch_folder
from tests.world import CSRF, LIN, PASSWORD, TOM, Person, customer

pytestmark = needs_nginx

CANARY_REQUESTS = int(os.environ.get("BAYBERRY_CANARY_REQUESTS", "200"))
FINE = {("GET", 200), ("POST", 303), ("GET", "busy"), ("POST", "busy")}
RESTARTS = int(os.environ.get("BAYBERRY_RESTARTS", "1"))


@pytest.fixture(scope="module")
def front(settings: Settings) -> Iterator[Host]:
    """nginx and two processes, each started as its unit says."""
    with (
        scratch_folder() as folder,
        host(folder, settings, requests_per_second=5000, connections=2000, patience=60) as place,
    ):
        start_both(place)
        with nginx(place):
            yield place


def start_both(place: Host) -> None:
    with manager(place.places.run) as watching:
        for number in ("1", "2"):
            with (place.places.logs / "web.stderr").open("ab") as log:
                place.start("shop-web@.service", number, log, NOTIFY_SOCKET=watching.environ["NOTIFY_SOCKET"])
        watching.wait_for("READY=1")
        watching.wait_for("READY=1")


@dataclass
class Load:
    """Visitors who read and fill baskets until told to stop; what they were answered."""

    place: Host
    sku: int
    seen: Counter[tuple[str, int | str]] = field(default_factory=Counter)
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, visitors: int) -> None:
        async with browser(self.place, timeout=aiohttp.ClientTimeout(total=60)) as session:
            await asyncio.gather(*(self._visit(session, number) for number in range(visitors)))

    async def goes_on(self, more: int) -> None:
        """Wait until so many more were answered."""
        enough = sum(self.seen.values()) + more
        while sum(self.seen.values()) < enough:
            await asyncio.sleep(0.02)

    async def _visit(self, session: aiohttp.ClientSession, number: int) -> None:
        turn = 0
        while not self.stop.is_set():
            turn += 1
            if (turn + number) % 3:
                await self._ask(session, "GET", "/cart" if turn % 2 else f"/search?q={number}.{turn}")
            else:
                await self._ask(session, "POST", "/cart/lines", data={"sku": str(self.sku), "quantity": "1"})
            await asyncio.sleep(0.01)

    async def _ask(self, session: aiohttp.ClientSession, method: str, path: str, **more: object) -> None:
        headers = {"Origin": self.place.answers.url, "Sec-Fetch-Site": "same-origin", "Accept": "text/html"}
        try:
            async with session.request(method, path, headers=headers, allow_redirects=False, **more) as got:  # type: ignore[arg-type]
                await got.read()
                # What the shop says itself when its machine is too busy, it says with an id; nobody failed for the restart.
                is_busy = got.status == 503 and "X-Request-ID" in got.headers
                self.seen[method, "busy" if is_busy else got.status] += 1
        except aiohttp.ClientError:
            self.seen[method, 0] += 1


async def sku_of(db: Database) -> int:
    stall = await put_up_stall(db)
    async with db.read() as conn:
        found: int = await conn.fetch_value(
            "SELECT id FROM skus WHERE product_id = %(id)s LIMIT 1", {"id": stall.products["Pears"]}
        )
    return found


async def baskets(db: Database) -> int:
    async with db.read() as conn:
        return int(await conn.fetch_value("SELECT count(*) FROM carts"))


async def test_n5_two_visitors_never_see_each_other(front: Host, db: Database) -> None:
    """Both ask for the same pages, mixed with guests, through the cache and all processes."""
    await put_up_stall(db)
    people = {person.username: await signed_in(front, db, person) for person in (LIN, TOM)}
    guest = browser(front)
    paths = ("/", "/products/pears", "/categories/fruit", "/account")

    async def look(number: int) -> tuple[str | None, str]:
        name = (LIN.username, TOM.username, None)[number % 3]
        async with (people[name] if name else guest).get(paths[number % 4], allow_redirects=False) as got:
            assert got.status in {200, 303}
            assert name is None or got.headers["Cache-Control"] == "no-store"
            return name, await got.text()

    foreign, greeted = 0, 0
    for begin in range(0, CANARY_REQUESTS, 20):
        for name, page in await asyncio.gather(*(look(number) for number in range(begin, begin + 20))):
            others = {LIN.username, TOM.username} - {name}
            foreign += any(f">{other}<" in page or f" {other}" in page for other in others)
            greeted += name is not None and name in page
    for session in (guest, *people.values()):
        await session.close()
    assert foreign == 0
    assert greeted >= CANARY_REQUESTS // 3


def test_i15_each_process_counts_and_logs_in_one_line_without_secrets(front: Host) -> None:
    path, name = front.places.run / "web-1.sock", front.answers.authority
    secret = "Authorization: canary-2\r\nCookie: session=canary-3\r\nUser-Agent: canary-4\r\n"
    for target in ("/", "/zh", "/nowhere?password=canary-1", "/activation/canary-5", "/"):
        answer = asked(path, target, host=name, headers=secret)
        assert b"\r\nX-Request-ID: " in answer
    found = counted(front, 1)
    assert found["shop_requests_total"] == {"route", "status"}
    assert found["shop_request_seconds_bucket"] == {"route", "le"}
    assert {"shop_loop_lag_seconds_bucket", "shop_pool_links", "shop_pages_total"} <= set(found)
    assert asked(path, "/metrics", host=name, headers="X-Forwarded-For: 1.2.3.4\r\n").startswith(b"HTTP/1.1 404 ")
    lines = (front.places.logs / "web.stderr").read_text().splitlines()
    assert all(json.loads(line)["service"] == "web" for line in lines)
    assert "canary" not in "".join(lines)
    # `make bench` holds it to 120 MiB after a walk through the whole demo; this only notices what is suddenly much more.
    assert max(resident(process.pid) for process in front.processes.values()) <= 140 * 1024**2


def resident(pid: int) -> int:
    """Bytes of memory that a process holds."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def signed_in(front: Host, db: Database, person: Person) -> aiohttp.ClientSession:
    await customer(db, person)
    session = browser(front, cookie_jar=aiohttp.CookieJar())
    async with session.get("/login") as got:
        page = await got.text()
    token = CSRF.search(page)
    form = {"login": person.username, "password": PASSWORD, "csrf_token": token[1] if token else ""}
    headers = {"Origin": front.answers.url, "Sec-Fetch-Site": "same-origin"}
    async with session.post("/login", data=form, headers=headers, allow_redirects=False) as got:
        assert got.status == 303, await got.text()
    return session


async def test_f_w3_f_w4_y3_a_killed_process_costs_what_it_was_at_and_a_restarted_one_nothing(
    front: Host, db: Database
) -> None:
    load = Load(front, await sku_of(db))
    running = asyncio.create_task(load.run(6))
    await load.goes_on(30)
    killed = front.processes["shop-web@1.service"]
    killed.send_signal(signal.SIGKILL)
    await asyncio.to_thread(killed.wait)
    await asyncio.to_thread(start_one, front, "1")
    failed = {key: count for key, count in load.seen.items() if key not in FINE}
    assert set(failed) <= {("POST", 503)}
    assert sum(failed.values()) <= 6
    for _ in range(RESTARTS):
        for number in ("1", "2") if RESTARTS > 1 else ("2",):
            await asyncio.to_thread(restart, front, number)
            await load.goes_on(10)
    load.stop.set()
    await running
    assert {key: count for key, count in load.seen.items() if key not in FINE} == failed
    assert load.seen["GET", 200] > load.seen["GET", "busy"]
    added = load.seen["POST", 303]
    assert added <= await baskets(db) <= added + sum(failed.values()) + load.seen["POST", "busy"]


def restart(place: Host, number: str) -> None:
    """As `systemctl restart` does it: told to stop, waited for, started again on the same socket."""
    process = place.processes[f"shop-web@{number}.service"]
    process.send_signal(signal.SIGTERM)
    told = time.monotonic()
    try:
        assert process.wait(30) == 0
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    assert time.monotonic() - told < 15
    start_one(place, number)


def start_one(place: Host, number: str) -> None:
    with manager(place.places.run) as watching:
        place.start("shop-web@.service", number, NOTIFY_SOCKET=watching.environ["NOTIFY_SOCKET"])
        watching.wait_for("READY=1")
