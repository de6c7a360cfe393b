"""Workers, relays, the broker and the mail server."""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.faults.cell import Inject
from tests.faults.crowd import Crowd
from tests.faults.scratch import Scratch
from tests.tasks.crew import accept


@asynccontextmanager
async def worker_killed(shop: Scratch, _crowd: Crowd, chance: random.Random) -> AsyncIterator[None]:
    """At a mail that is being sent, if one is within a second."""
    shop.mails.began.clear()
    await asyncio.to_thread(shop.mails.began.wait, 1)
    chance.choice(shop.of("worker")).signal(signal.SIGKILL)
    yield


@asynccontextmanager
async def relays_killed(shop: Scratch, _crowd: Crowd, _chance: random.Random) -> AsyncIterator[None]:
    """Between the commit and the queue: nobody is left who would hand a promise over."""
    for relay in shop.of("relay"):
        relay.signal(signal.SIGKILL)
    yield


@asynccontextmanager
async def workers_killed_after_250(shop: Scratch, _crowd: Crowd, _chance: random.Random) -> AsyncIterator[None]:
    """Both workers die as soon as the mail server has said 250 to one of them."""
    killed: list[int] = []

    def take(receiver: str) -> str:
        if not killed:
            killed.append(1)
            for worker in shop.of("worker"):
                worker.signal(signal.SIGKILL)
        return accept(receiver)

    shop.mails.answer = take
    yield
    shop.mails.answer = accept


def broker_restarted(times: int) -> Inject:
    """Killed and started, again and again."""

    @asynccontextmanager
    async def inject(shop: Scratch, _crowd: Crowd, _chance: random.Random) -> AsyncIterator[None]:
        for _ in range(times):
            shop.broker.kill()
            await asyncio.to_thread(shop.broker.start)
            await asyncio.sleep(0.3)
        yield

    return inject


@asynccontextmanager
async def worker_stopped(shop: Scratch, _crowd: Crowd, chance: random.Random) -> AsyncIterator[None]:
    """Alive, but takes nothing and finishes nothing."""
    stopped = chance.choice(shop.of("worker"))
    stopped.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        stopped.signal(signal.SIGCONT)


@asynccontextmanager
async def mail_server_down(shop: Scratch, _crowd: Crowd, _chance: random.Random) -> AsyncIterator[None]:
    """Nobody listens there."""
    await asyncio.to_thread(shop.mails.shut)
    yield
    await asyncio.to_thread(shop.mails.open)


def mail_server_says(answer: str) -> Inject:
    """To every mail."""

    @asynccontextmanager
    async def inject(shop: Scratch, _crowd: Crowd, _chance: random.Random) -> AsyncIterator[None]:
        shop.mails.answer = lambda _receiver: answer
        yield
        shop.mails.answer = accept
        # What an operator does once the server is mended (`run.py letters --resend`); what was put off waits ten seconds and more, and
        # the clock of the cell does not.
        await asyncio.to_thread(shop.say, RESEND if answer.startswith("5") else DUE_NOW)

    return inject


RESEND = "UPDATE outbox SET buried_at = NULL, attempts = 0, due_at = now() WHERE buried_at IS NOT NULL"
DUE_NOW = "UPDATE outbox SET due_at = now() WHERE buried_at IS NULL"


@asynccontextmanager
async def mail_server_slow(shop: Scratch, _crowd: Crowd, _chance: random.Random) -> AsyncIterator[None]:
    """It takes its time over each mail."""
    shop.mails.goes_on.clear()
    yield
    shop.mails.goes_on.set()
