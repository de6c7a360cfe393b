"""`Database`: where connections come from, how long they may take, and what a transaction is."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import math
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Self, TypeVar

from sqlalchemy.sql.elements import ClauseElement

from shop.deadline import remaining

from .compiled import compiled
from .errors import CommitUnknown, DbError, DbTimeout, DbUnavailable, DeadlockDetected, QueryError, SerializationFailure
from .link import Link
from .pool import Pool
from .rows import Row, row_class

log = logging.getLogger(__name__)

READ_SECONDS = 1.0
WRITE_SECONDS = 2.0
TRANSACTION_SECONDS = 8.0
ATTEMPTS = 3
BATCH = 500
POOL_SIZE = 10

T = TypeVar("T")
Statement = str | ClauseElement
Callback = Callable[[], object] | Callable[[], Awaitable[object]]


class Connection:
    """One connection lent for one `read()` or `transaction()`; statements on it run one after another."""

    def __init__(self, link: Link, pool: Pool) -> None:
        self._link, self._pool = link, pool
        self.in_transaction = False  # whether the statements here are one transaction, or else each commits by itself
        self._seconds, self._until = READ_SECONDS, math.inf
        self._cursors = 0
        self._callbacks: list[Callback] = []
        self._lent = True

    async def fetch_all(self, statement: Statement, params: Mapping[str, Any] | None = None) -> list[Row]:
        """All rows of SQL with `%(name)s` parameters, or of a SQLAlchemy Core statement."""
        cursor = await self._run(statement, params)
        make = row_class(tuple([column.name for column in cursor.description]))._make
        return [make(row) for row in cursor.fetchall()]

    async def fetch_one(self, statement: Statement, params: Mapping[str, Any] | None = None) -> Row | None:
        """The first row, or None."""
        cursor = await self._run(statement, params)
        row = cursor.fetchone()
        return None if row is None else row_class(tuple([column.name for column in cursor.description]))._make(row)

    async def fetch_value(self, statement: Statement, params: Mapping[str, Any] | None = None) -> Any:
        """The first column of the first row, or None."""
        row = (await self._run(statement, params)).fetchone()
        return None if row is None else row[0]

    async def execute(self, statement: Statement, params: Mapping[str, Any] | None = None) -> int:
        """Runs a statement; how many rows it changed."""
        return int((await self._run(statement, params)).rowcount)

    async def fetch_tuples(self, sql: str, params: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Plain tuples of ready SQL, for those who build their own objects."""
        rows: list[tuple[Any, ...]] = (await self._send(sql, params)).fetchall()
        return rows

    async def batches(self, sql: str, params: Mapping[str, Any]) -> AsyncIterator[list[tuple[Any, ...]]]:
        """The rows of ready SQL 500 at a time in a transaction, else all at once (a cursor needs a transaction)."""
        if not self.in_transaction:
            yield await self.fetch_tuples(sql, params)
            return
        self._cursors += 1
        name = f"c{self._cursors}"
        await self._send(f"DECLARE {name} NO SCROLL CURSOR FOR {sql}", params)
        while rows := await self.fetch_tuples(f"FETCH {BATCH} FROM {name}", {}):
            yield rows
            if len(rows) < BATCH:
                break
        await self._send(f"CLOSE {name}")

    def on_commit(self, callback: Callback) -> None:
        """Calls (and awaits) it once the transaction is committed; for what may be lost if the process dies."""
        if not self.in_transaction:
            raise RuntimeError("on_commit needs a transaction: this connection commits every statement by itself")
        self._callbacks.append(callback)

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[Self]:
        """An inner block that can fail (a UniqueViolation, say) without losing the transaction around it."""
        if not self.in_transaction:
            raise RuntimeError("a savepoint needs a transaction")
        kept = len(self._callbacks)
        await self._send("SAVEPOINT nested")
        try:
            yield self
        except Exception:
            del self._callbacks[kept:]
            if not self._link.closed:
                # Released too: the name is the same at each depth and means the innermost.
                await self._send("ROLLBACK TO SAVEPOINT nested; RELEASE SAVEPOINT nested")
            raise
        await self._send("RELEASE SAVEPOINT nested")

    @asynccontextmanager
    async def transaction(self, seconds: float = TRANSACTION_SECONDS) -> AsyncIterator[Self]:
        """All that is said in it, committed together; `Database.transaction` is for everybody else."""
        self._seconds, self._until = WRITE_SECONDS, time.monotonic() + seconds
        await self._send("BEGIN")
        self.in_transaction = True
        try:
            yield self
        except Exception:
            if not self._link.closed:
                with contextlib.suppress(DbError):  # then it is not clean, and the pool closes it
                    await self._send("ROLLBACK")
            raise
        except BaseException:
            # Cancelled, or the process is ending: the server rolls back what a closed connection left open.
            self._link.close()
            raise
        await self._commit()

    def give_back(self) -> None:
        """Hands the link to the pool: whoever kept this connection cannot use it any more."""
        self._lent = False
        self._pool.release(self._link)

    async def call_back(self) -> None:
        """Calls what waited for the commit; an error there is only logged, for the transaction stands."""
        for callback in self._callbacks:
            try:
                await completed(callback())
            except Exception:
                log.exception("a callback after COMMIT failed")

    async def _commit(self) -> None:
        try:
            answer = await self._send("COMMIT")
        except (DbUnavailable, DbTimeout) as error:
            if not self._link.closed:
                raise  # it was not sent, or the server said no
            raise CommitUnknown(f"whether the transaction was committed is not known: {error}") from error
        if answer.statusmessage != "COMMIT":
            # surprise: PostgreSQL answers COMMIT with ROLLBACK, not with an error, where a statement had failed
            raise QueryError("rolled back: a statement had failed, and its error was caught without a savepoint")

    async def _run(self, statement: Statement, params: Mapping[str, Any] | None) -> Any:
        if isinstance(statement, str):
            return await self._send(statement, params)
        return await self._send(*compiled(statement, params))

    async def _send(self, sql: str, values: Mapping[str, Any] | None = None) -> Any:
        if not self._lent:
            raise RuntimeError("this connection went back to the pool at the end of its block")
        try:
            return await self._link.run(sql, values, self._remaining())
        except DbUnavailable:
            if self.in_transaction or not self._link.closed or sql.lstrip()[:6].upper() not in ("SELECT", "BEGIN"):
                raise
        # The server closed this connection (a restart, a killed backend) before it did anything: another asks again once.
        self._pool.release(self._link)
        self._link = await self._pool.acquire()
        return await self._link.run(sql, values, self._remaining())

    def _remaining(self) -> float:
        return remaining(min(self._seconds, self._until - time.monotonic()))


async def completed(answer: object) -> None:
    """Awaits what a callback returned, if it can be awaited."""
    if inspect.isawaitable(answer):
        await answer


class Database:
    """The way to PostgreSQL for one process; opening it never waits for a server."""

    def __init__(self, primary: Pool, replica: Pool, listen_url: str) -> None:
        self._primary = primary
        self._replica = replica
        self._open: dict[asyncio.Task[Any] | None, Connection] = {}
        self.listen_url = listen_url
        self.retries = 0

    @classmethod
    async def open(
        cls, *, url: str, listen_url: str = "", replica_url: str = "", min_size: int = 1, max_size: int = POOL_SIZE
    ) -> Self:
        """Pools for libpq URLs; connections are made in the background and on need, so an absent server is no error."""
        primary = Pool(url, min_size, max_size)
        replica = Pool(replica_url, 0, max_size) if replica_url else primary
        return cls(primary, replica, listen_url or url)

    async def close(self) -> None:
        """Closes all idle connections; the others close as they come back."""
        await self._primary.close()
        if self._replica is not self._primary:
            await self._replica.close()

    @property
    def pool(self) -> Pool:
        """The primary's pool, for metrics."""
        return self._primary

    @asynccontextmanager
    async def read(self, *, stale_ok: bool = False) -> AsyncIterator[Connection]:
        """A connection that commits each statement; with `stale_ok` perhaps a replica's, for search and reports."""
        pool = self._replica if stale_ok else self._primary
        try:
            link = await pool.acquire()
        except DbUnavailable:
            if pool is self._primary:
                raise
            pool = self._primary  # nobody needs the replica
            link = await pool.acquire()
        conn = Connection(link, pool)
        try:
            yield conn
        finally:
            conn.give_back()

    @asynccontextmanager
    async def transaction(self, seconds: float = TRANSACTION_SECONDS) -> AsyncIterator[Connection]:
        """One transaction of at most 8 s, committed once; within another of the same task, a savepoint of that one.

        A command that nobody waits for at a browser may take more `seconds`.
        """
        task = asyncio.current_task()
        if (outer := self._open.get(task)) is not None:
            async with outer.savepoint():
                yield outer
            return
        conn = Connection(await self._primary.acquire(), self._primary)
        try:
            async with conn.transaction(seconds):
                self._open[task] = conn
                yield conn
        finally:
            self._open.pop(task, None)
            conn.give_back()
        await conn.call_back()

    async def in_transaction(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """`work(conn)` in a transaction of its own, ≤ 3 times in all after deadlocks or serialization failures."""
        if asyncio.current_task() in self._open:
            raise RuntimeError("in_transaction repeats a whole transaction, so it cannot stand inside another")
        for attempt in range(1, ATTEMPTS):
            try:
                async with self.transaction() as conn:
                    return await work(conn)
            except (SerializationFailure, DeadlockDetected):
                self.retries += 1
                # Jitter, or the same two meet again.
                await asyncio.sleep(random.uniform(0.01, 0.05) * attempt)  # noqa: S311
        async with self.transaction() as conn:
            return await work(conn)
