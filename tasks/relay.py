"""The relay: takes due rows from the outbox and hands them to the broker. `python -m tasks.relay`; several do no harm.

With `--beat` it is the beat too (tasks/beat.py), which saves a process on a laptop.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from typing import Final

import structlog

from shop import breakers, outbox
from shop.db import Database, DbError
from shop.db.listen import Listener
from shop.metrics import OUTBOX, OUTBOX_AGE, QUEUE
from shop.outbox import CHANNEL, QUEUED_SECONDS
from shop.settings import Settings
from tasks.app import app
from tasks.beat import Beat
from tasks.broker import Broker, BrokerAway
from tasks.service import run_until_told

SWEEP_SECONDS: Final = 1.0
TIDY_SECONDS: Final = 10.0
# No more messages than this lie in the queue, so that rows handed over again never flood a slow or sleeping worker.
QUEUE_LIMIT: Final = 500
BATCH: Final = 100

log = structlog.get_logger("tasks.relay")


class Relay:
    """One relay; `wake` is set when somebody has promised something."""

    def __init__(self, db: Database, broker: Broker, queued_seconds: float = QUEUED_SECONDS) -> None:
        self._db = db
        self._broker = broker
        self._queued_seconds = queued_seconds
        self._tidy_at = 0.0
        self._trouble: dict[str, bool] = {"broker": False, "database": False}
        self.wake = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Sweep until told to stop; a dead broker or database delays and nothing else."""
        while not stop.is_set():
            self.wake.clear()
            if not await self._swept():
                await _first_of(stop, self.wake, SWEEP_SECONDS)

    async def sweep(self) -> int:
        """Hand over up to a batch of due rows and return how many; raises BrokerAway or DbError."""
        queued = await self._broker.queued()
        QUEUE.set(queued)
        room = QUEUE_LIMIT - queued
        async with self._db.transaction() as conn:
            rows = await breakers.claim_probes(conn, self._queued_seconds)
            if room > 0:
                rows += await outbox.claim(conn, min(room, BATCH), self._queued_seconds)
        if rows:
            await self._hand_over(rows)
        return len(rows)

    async def _swept(self) -> bool:
        """Sweep once and log what changed; True when there may be more."""
        try:
            await self._tidy()
            more = await self.sweep() >= BATCH
        except BrokerAway as problem:
            self._note("broker", True, problem)
            return False
        except DbError as problem:
            self._note("database", True, problem)
            return False
        self._note("broker", False)
        self._note("database", False)
        return more

    async def _hand_over(self, rows: list[tuple[int, str]]) -> None:
        try:
            await self._broker.publish(rows)
        except BrokerAway:
            async with self._db.read() as conn:
                await outbox.release(conn, [row_id for row_id, _ in rows])
            raise

    async def _tidy(self) -> None:
        if time.monotonic() < self._tidy_at:
            return
        self._tidy_at = time.monotonic() + TIDY_SECONDS
        async with self._db.read() as conn:
            if buried := await outbox.bury_exhausted(conn):
                log.error("dead letters: their workers ended while at it", count=buried)
            state = await outbox.state(conn)
        OUTBOX.labels("open").set(state.open)
        OUTBOX.labels("buried").set(state.buried)
        OUTBOX_AGE.set(state.oldest_seconds)

    def _note(self, server: str, away: bool, problem: Exception | None = None) -> None:
        """Log a change, never a repetition."""
        if self._trouble[server] == away:
            return
        self._trouble[server] = away
        if away:
            log.warning("away; promises wait", server=server, error=str(problem))
        else:
            log.info("back", server=server)


async def main(*, beats: bool) -> None:
    """Relay, and beat if asked to, until SIGTERM or SIGINT."""
    settings = Settings.inherit(os.environ)
    db = await Database.open(url=settings.database_url, min_size=0, max_size=2)
    relay = Relay(db, Broker(app))
    listener = Listener(settings.database_listen_url, {CHANNEL: lambda _payload: relay.wake.set()}, relay.wake.set)
    listener.start()
    works = [relay.run, Beat(db).run] if beats else [relay.run]
    await run_until_told("relay", settings, *works)
    await listener.stop()
    await db.close()


async def _first_of(stop: asyncio.Event, wake: asyncio.Event, seconds: float) -> None:
    waits = {asyncio.create_task(stop.wait()), asyncio.create_task(wake.wait())}
    await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()


if __name__ == "__main__":
    asyncio.run(main(beats="--beat" in sys.argv))
