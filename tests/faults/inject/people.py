"""What people do to a shop."""

from __future__ import annotations

import asyncio
import random
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from tests.faults.cell import Inject
from tests.faults.crowd import Crowd
from tests.faults.scratch import Scratch
from tests.faults.servers import NotHere

GUEST = 1000


@asynccontextmanager
async def nothing(_shop: Scratch, _crowd: Crowd, _chance: random.Random) -> AsyncIterator[None]:
    """Only the load: baskets in either order at once, which is where deadlocks come from."""
    yield


def leavers(count: int) -> Inject:
    """People who send half a form, or a whole one, and are gone before the answer."""

    @asynccontextmanager
    async def inject(shop: Scratch, crowd: Crowd, chance: random.Random) -> AsyncIterator[None]:
        def leave() -> None:
            body = f"sku={crowd.fair.skus[0]}&quantity=1"
            head = (
                f"POST /cart/lines HTTP/1.1\r\nHost: {shop.host}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
            )
            whole = f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()
            for _ in range(count):
                with suppress(OSError), socket.create_connection(address(shop), 5) as line:
                    line.sendall(whole[: chance.randint(len(head) // 2, len(whole))])

        await asyncio.to_thread(leave)
        yield

    return inject


def idle_lines(count: int) -> Inject:
    """Connections that say nothing."""
    return lines(count, lambda _shop, _number: b"")


def slow_people(count: int) -> Inject:
    """Half of them ask and never read, half of them begin to write and stop."""

    def says(shop: Scratch, number: int) -> bytes:
        head = f"Host: {shop.host}\r\n"
        ask = f"GET / HTTP/1.1\r\n{head}\r\n"
        say = f"POST /login HTTP/1.1\r\n{head}Content-Length: 1000\r\n\r\n"
        return (ask if number % 2 else say).encode()

    return lines(count, says)


def lines(count: int, says: Callable[[Scratch, int], bytes]) -> Inject:
    """So many connections with small buffers, each of which says this and no more."""

    @asynccontextmanager
    async def inject(shop: Scratch, _crowd: Crowd, _chance: random.Random) -> AsyncIterator[None]:
        opened: list[socket.socket] = []

        def connect() -> None:
            with suppress(OSError):
                for number in range(count):
                    line = socket.socket()
                    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
                    line.settimeout(5)
                    line.connect(address(shop))
                    line.sendall(says(shop, number))
                    opened.append(line)

        await asyncio.to_thread(connect)
        yield
        for line in opened:
            line.close()

    return inject


def address(shop: Scratch) -> tuple[str, int]:
    """Where all of its web processes answer."""
    host, _, port = shop.host.partition(":")
    return host, int(port)


def flash_sale(count: int) -> Inject:
    """So many guests want the last tenth of something, at once."""

    @asynccontextmanager
    async def inject(_shop: Scratch, crowd: Crowd, chance: random.Random) -> AsyncIterator[None]:
        fair = crowd.fair
        hot = await fair.market.sku(count // 10)
        buyers = [crowd.shopper(GUEST + number, chance) for number in range(count)]

        async def buy(nr: int) -> None:
            buyer = buyers[nr]
            wanted = [(hot, 1), (fair.skus[0], 1)]
            await buyer.fill(wanted[:: -1 if nr % 2 else 1])
            if said := await buyer.desk(chance.choice(fair.windows), "sandbox"):
                await buyer.click_until_told(said)
            await buyer.leave()

        await asyncio.gather(*map(buy, range(count)))
        yield

    return inject


@asynccontextmanager
async def flood(shop: Scratch, _crowd: Crowd, _chance: random.Random) -> AsyncIterator[None]:
    """As many requests as one tool can ask on 48 lines, of the page that costs most; the proxy, which would refuse them, is not here."""
    if shutil.which("wrk") is None:
        raise NotHere("wrk is not here (apt install wrk)")
    command = ["wrk", "-t1", "-c48", "-d5s", f"{shop.url}/search?q=apple"]
    await asyncio.to_thread(subprocess.run, command, capture_output=True, check=False)
    yield
