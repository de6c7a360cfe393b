"""The beat: promises what has to be done again and again. `python -m tasks.beat`; several do no harm.

Celery's own beat speaks to the broker and may run only once; this one promises in PostgreSQL, where one open promise of a chore is enough.
"""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, date, datetime
from typing import Final

import structlog

from shop import outbox
from shop.db import Database, DbError
from shop.settings import Settings
from tasks.service import run_until_told

CHORE_SECONDS: Final = 30.0
CHORES: Final = ("tasks.orders.sweep", "tasks.media.tidy", "tasks.payments.poll", "tasks.goods.keep_dates")
# Once a night, and when a beat begins, which may have slept through it.
NIGHTLY: Final = ("tasks.accounts.forget_never_activated", "tasks.staff_log.check")

log = structlog.get_logger("tasks.beat")


class Beat:
    """One beat; it needs the database only."""

    def __init__(self, db: Database, seconds: float = CHORE_SECONDS) -> None:
        self._db = db
        self._seconds = seconds
        self._is_away = False
        self._nights: date | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Promise all chores every so often until told to stop; a database that is away delays and nothing else."""
        while not stop.is_set():
            await self._tried()
            try:
                async with asyncio.timeout(self._seconds):
                    await stop.wait()
            except TimeoutError:
                continue

    async def promise(self) -> None:
        """Promise each chore, unless its last promise is still open; raises DbError."""
        tonight = self._today()
        async with self._db.transaction() as conn:
            for chore in (*CHORES, *(NIGHTLY if tonight != self._nights else ())):
                await outbox.promise_once(conn, chore)
        self._nights = tonight

    @staticmethod
    def _today() -> date:
        return datetime.now(UTC).date()

    async def _tried(self) -> None:
        try:
            await self.promise()
        except DbError as problem:
            if not self._is_away:
                log.warning("away; chores wait", server="database", error=str(problem))
            self._is_away = True
        else:
            self._is_away = False


async def main() -> None:
    """Beat until SIGTERM or SIGINT."""
    settings = Settings.inherit(os.environ)
    db = await Database.open(url=settings.database_url, min_size=0, max_size=1)
    await run_until_told("beat", settings, Beat(db).run)
    await db.close()


if __name__ == "__main__":
    asyncio.run(main())
