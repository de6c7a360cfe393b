"""What changed in the database, known in every process within moments of its commit.

Triggers write a row and a notification inside the changing transaction (migration 0070): code that runs after COMMIT may
never run, and nobody can forget to call it. A cached thing names the tags it shows and the oldest transaction that it may
have missed (`as_of`); it is stale as soon as one of its tags was changed by that transaction or a later one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from datetime import datetime

from sqlalchemy import Identity, Index, func, text

from shop.db import Connection, Database, Model, column
from shop.db.listen import Listener

CHANNEL = "cache_changes"
EVERYTHING = "*"
REMEMBERED_SECONDS = 3600.0


class CacheChange(Model):
    """A tag that a transaction touched; kept for an hour, far longer than anything cached."""

    __tablename__ = "cache_changes"
    __table_args__ = (Index("cache_changes_by_time", "changed_at"),)
    id: int = column(Identity(always=True), primary_key=True)
    tag: str = column()
    transaction_id: int = column(server_default=text("pg_current_xact_id()::text::bigint"))
    changed_at: datetime = column(server_default=func.clock_timestamp())


async def horizon(conn: Connection) -> int:
    """The oldest transaction that is not visible to this connection yet; what is read from now on is current as of it."""
    return int(await conn.fetch_value("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"))


class Changes:
    """Hears which tags change, and tells whoever keeps something under them."""

    def __init__(self, db: Database, forget: Callable[[str], None]) -> None:
        self._db = db
        self._forget = forget
        self._latest: dict[str, int] = {}
        self._earlier: dict[str, int] = {}
        self._turned_at = time.monotonic()
        self._is_caught_up = False
        self._listener = Listener(db.listen_url, {CHANNEL: self._heard}, connected=self._caught_up)

    @property
    def is_listening(self) -> bool:
        """Whether every change until now was heard, but for what is on its way."""
        return self._listener.is_connected and self._is_caught_up

    def start(self) -> None:
        """Listens in the background; until it is connected, and whenever it is not, things live only as long as their own limit."""
        self._listener.start()

    async def stop(self) -> None:
        """Stops listening."""
        await self._listener.stop()

    def is_current(self, tags: Iterable[str], as_of: int) -> bool:
        """Whether nothing under these tags was changed by transaction `as_of` or a later one, as far as was heard."""
        return max(self._last(EVERYTHING), *(self._last(tag) for tag in tags)) < as_of

    def _last(self, tag: str) -> int:
        return self._latest.get(tag, 0) or self._earlier.get(tag, 0)

    def _heard(self, payload: str) -> None:
        transaction, _, tag = payload.partition(" ")
        self._note(tag, int(transaction))

    async def _caught_up(self) -> None:
        """Reads again what may have been missed, and sweeps away what is too old to matter."""
        self._is_caught_up = False
        async with self._db.read() as conn:
            await conn.execute("DELETE FROM cache_changes WHERE changed_at < now() - interval '1 hour'")
            rows = await conn.fetch_all("SELECT tag, max(transaction_id) AS last FROM cache_changes GROUP BY tag")
        for row in rows:
            self._note(row.tag, row.last)
        self._is_caught_up = True

    def _note(self, tag: str, transaction: int) -> None:
        if time.monotonic() - self._turned_at > REMEMBERED_SECONDS:
            self._latest, self._earlier, self._turned_at = {}, self._latest, time.monotonic()
        self._latest[tag] = max(transaction, self._last(tag))
        self._forget(tag)
