"""PostgreSQL is killed, restarted, silent, full, read-only, locked, without a free byte."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import psycopg2

from shop.db.migrations.roles import WEB
from tests.faults.crowd import Crowd
from tests.faults.scratch import Scratch
from tests.faults.servers import fill

END_ALL = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s"


@asynccontextmanager
async def backend_killed(shop: Scratch, _crowd: Crowd, chance: random.Random) -> AsyncIterator[None]:
    """One of the shop's; the server ends all others too, and starts again by itself."""
    backends = shop.say("SELECT pid FROM pg_stat_activity WHERE usename = %s", (WEB,))
    with suppress(ProcessLookupError):
        os.kill(chance.choice(backends)[0], signal.SIGKILL)
    yield


@asynccontextmanager
async def postgres_killed(shop: Scratch, _crowd: Crowd, _chance: random.Random) -> AsyncIterator[None]:
    """The whole server, without a word."""
    await asyncio.to_thread(shop.signal_postgres, signal.SIGKILL)
    yield
    await asyncio.to_thread(start, shop)


@asynccontextmanager
async def postgres_restarted(shop: Scratch, _crowd: Crowd, _chance: random.Random) -> AsyncIterator[None]:
    """As an upgrade of its package does it."""
    await asyncio.to_thread(shop.postgres.stop)
    yield
    await asyncio.to_thread(start, shop)


def start(shop: Scratch) -> None:
    """On the files it has."""
    shop.postgres._launch(60)


@asynccontextmanager
async def postgres_silent(shop: Scratch, _crowd: Crowd, _chance: random.Random) -> AsyncIterator[None]:
    """It accepts connections and says nothing."""
    shop.signal_postgres(signal.SIGSTOP)
    try:
        yield
    finally:
        shop.signal_postgres(signal.SIGCONT)


@asynccontextmanager
async def full_of_connections(shop: Scratch, _crowd: Crowd, _chance: random.Random) -> AsyncIterator[None]:
    """Somebody else holds all connections, and those of the shop are cut."""
    held: list[Any] = []

    def hold() -> None:
        shop.say(END_ALL, (WEB,))
        with suppress(psycopg2.OperationalError):
            for _ in range(200):
                held.append(psycopg2.connect(shop.postgres.owner_url))

    await asyncio.to_thread(hold)
    yield
    for connection in held:
        connection.close()


@asynccontextmanager
async def read_only(shop: Scratch, _crowd: Crowd, _chance: random.Random) -> AsyncIterator[None]:
    """For the shop, as on a standby."""

    def let(word: str) -> None:
        shop.say(f"ALTER ROLE {WEB} {word}")
        shop.say(END_ALL, (WEB,))

    await asyncio.to_thread(let, "SET default_transaction_read_only = on")
    yield
    await asyncio.to_thread(let, "RESET default_transaction_read_only")


@asynccontextmanager
async def orders_locked(shop: Scratch, _crowd: Crowd, _chance: random.Random) -> AsyncIterator[None]:
    """Somebody's ALTER TABLE holds the orders."""
    connection = psycopg2.connect(shop.postgres.owner_url)
    await asyncio.to_thread(lambda: connection.cursor().execute("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE"))
    yield
    connection.close()


@asynccontextmanager
async def disk_full(shop: Scratch, _crowd: Crowd, _chance: random.Random) -> AsyncIterator[None]:
    """Not a byte is left for tables or log; a server that went down over it is started again once there is room."""
    filler = await asyncio.to_thread(fill, shop.folder / "pg")
    yield
    filler.unlink()
    if shop.postgres.pid is None:
        await asyncio.to_thread(start, shop)
