"""PostgreSQL breaks while a bank tells of payments: the bank repeats what was not answered, and each order is paid exactly once.

The whole shop under the same faults, and longer, is `make faults`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest

from shop.db import Connection, Database, DbError
from shop.db.migrations import migrate
from shop.embedded import Postgres
from shop.payments.invariants import broken, differences
from shop.payments.models import Notice
from shop.payments.service import take_notice
from tests.db.test_faults import as_superuser, processes, silent
from tests.orders.market import Market
from tests.payments.counter import TOTAL, begun, hear, notice, unpaid_order
from tests.servers import scratch_folder

ORDERS = 5
# One call never takes longer than a transaction's own budget and a second.
CALL_SECONDS = 9.0
PATIENCE = 60.0
Fault = Callable[[], Awaitable[None]]


@pytest.fixture(scope="module")
def weak() -> Iterator[Postgres]:
    """A durable server of its own, to be broken."""
    with scratch_folder() as folder:
        server = Postgres(folder, durable=True).start()
        try:
            migrate(server.owner_url)
            yield server
        finally:
            server.stop()


@pytest.fixture
async def stall(weak: Postgres) -> AsyncIterator[Market]:
    """A market on it."""
    database = await Database.open(url=weak.web_url, max_size=5)
    yield await Market.open(database)
    await database.close()


class Bank:
    """Tells of one payment each, again and again until it is answered, as banks do."""

    def __init__(self, market: Market) -> None:
        self.market = market
        self.notices: list[Notice] = []
        self.refusals: list[BaseException] = []

    async def open(self, orders: int = ORDERS) -> None:
        """Buyers have gone to pay."""
        for _ in range(orders):
            order = await unpaid_order(self.market)
            payment = await begun(self.market, order.order_id)
            self.notices.append(notice(payment, trade_no=f"T-{payment.reference}"))

    async def tell_all(self, fault: Fault) -> None:
        """Each notice many times over, while something breaks."""
        telling = [asyncio.create_task(self._until_answered(said)) for said in self.notices for _ in range(3)]
        await fault()
        await asyncio.gather(*telling)

    async def _until_answered(self, said: Notice) -> None:
        end = time.monotonic() + PATIENCE
        for _ in range(3):
            while True:
                began = time.monotonic()
                try:
                    await hear(self.market, said)
                    break
                except DbError as problem:
                    self.refusals.append(problem)
                waited = time.monotonic()
                if waited - began > CALL_SECONDS or waited > end:
                    raise AssertionError(f"still not answered: {self.refusals[-1]!r}")
                await asyncio.sleep(0.1)
            await asyncio.sleep(0.05)

    async def is_right(self) -> None:
        """Every order is paid once, and our books agree with the bank's."""
        async with self.market.db.read() as conn:
            states = await conn.fetch_all("SELECT payment, count(*) AS n FROM orders GROUP BY 1")
            mails = await conn.fetch_value("SELECT count(*) FROM outbox WHERE task = 'tasks.mail.send_order_paid'")
            ids = await conn.fetch_value("SELECT count(*) FROM orders")
            assert [(row.payment, row.n) for row in states] == [("paid", ids)]
            assert mails == ids
            assert await broken(conn) == {}
            ours = await conn.fetch_all("SELECT trade_no FROM payments WHERE trade_no IS NOT NULL")
            theirs = [{"trade_no": row.trade_no, "amount": TOTAL, "refunded": 0} for row in ours]
            assert await differences(conn, "sandbox", theirs) == []
        assert await self.market.is_sound()


async def through(stall: Market, fault: Fault) -> Bank:
    bank = Bank(stall)
    await bank.open()
    await bank.tell_all(fault)
    await bank.is_right()
    return bank


async def test_f_p1_a_backend_is_killed(weak: Postgres, stall: Market) -> None:
    async def kill() -> None:
        async with stall.db.read() as conn:
            victim = await conn.fetch_value("SELECT pg_backend_pid()")
        with contextlib.suppress(ProcessLookupError):
            os.kill(victim, signal.SIGKILL)  # the server ends all others too, and starts again

    await through(stall, kill)


async def test_f_p2_the_server_is_killed_and_started(weak: Postgres, stall: Market) -> None:
    async def kill() -> None:
        await asyncio.sleep(0.05)
        for pid in reversed(processes(weak)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        await asyncio.to_thread(weak.stop)
        await asyncio.to_thread(weak.start)

    assert (await through(stall, kill)).refusals


async def test_f_p3_the_server_is_restarted(weak: Postgres, stall: Market) -> None:
    async def restart() -> None:
        await asyncio.sleep(0.05)
        await asyncio.to_thread(weak.stop)
        await asyncio.to_thread(weak.start)

    assert (await through(stall, restart)).refusals


@pytest.mark.parametrize("seconds", [1, pytest.param(5, marks=pytest.mark.slow)])
async def test_f_p4_f_p5_the_server_is_silent(weak: Postgres, stall: Market, seconds: float) -> None:
    async def fall_silent() -> None:
        with silent(weak):
            await asyncio.sleep(seconds)

    await through(stall, fall_silent)


async def test_f_p6_all_connections_are_taken(weak: Postgres, stall: Market) -> None:
    async def take_all() -> None:
        as_superuser(weak, "ALTER ROLE shop_web CONNECTION LIMIT 0")
        as_superuser(weak, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'shop_web'")
        await asyncio.sleep(0.7)
        as_superuser(weak, "ALTER ROLE shop_web CONNECTION LIMIT -1")

    assert (await through(stall, take_all)).refusals


async def test_f_p7_the_server_is_read_only(weak: Postgres, stall: Market) -> None:
    async def forbid() -> None:
        as_superuser(weak, "ALTER ROLE shop_web SET default_transaction_read_only = on")
        as_superuser(weak, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'shop_web'")
        await asyncio.sleep(0.7)
        as_superuser(weak, "ALTER ROLE shop_web RESET default_transaction_read_only")
        as_superuser(weak, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'shop_web'")

    assert (await through(stall, forbid)).refusals


async def test_f_p8_notices_that_lock_each_others_orders_all_come_through(market: Market) -> None:
    bank, chance = Bank(market), random.Random(8)
    await bank.open(3)

    async def together() -> None:
        mixed = chance.sample(bank.notices, len(bank.notices))

        async def work(conn: Connection) -> None:
            for said in mixed:
                await take_notice(conn, said)

        async with market.connections:
            for _ in range(20):
                with contextlib.suppress(DbError):  # three deadlocks in a row: the bank comes again
                    await market.db.in_transaction(work)
                    return
        raise AssertionError("twenty times")

    await asyncio.gather(*(together() for _ in range(8)))
    await bank.is_right()
