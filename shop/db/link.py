"""One connection to PostgreSQL: aiopg's, with waits that end. Only this file knows aiopg."""

from __future__ import annotations

import asyncio
from typing import Any

import psycopg2
import psycopg2.extensions
import psycopg2.extras
from aiopg.connection import Connection as AiopgConnection

from .errors import DataError, DbTimeout, DbUnavailable, QueryError, translated

# Read once for the whole process, so that a new connection asks the server nothing about types.
psycopg2.extras.register_uuid()  # type: ignore[no-untyped-call]
psycopg2.extensions.register_adapter(dict, psycopg2.extras.Json)
psycopg2.extensions.register_type(
    psycopg2.extensions.new_type(
        (17,), "BYTES", lambda value, cursor: None if value is None else bytes(psycopg2.BINARY(value, cursor))
    )
)

# A peer that vanished on the network is noticed in seconds; Unix sockets ignore these.
_KEEPALIVE: Any = {"keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 2, "tcp_user_timeout": 4000}
_NO_TIMER: Any = None  # aiopg's own timers stay off: ours are in `Link._poll`
_IDLE = psycopg2.extensions.TRANSACTION_STATUS_IDLE


class Link(AiopgConnection):
    """A connection that closes itself when its answer is late or its caller cancelled, so it is never reused dirty."""

    def __init__(self, url: str, seconds: float) -> None:
        self.expired, self._connect_seconds = False, seconds
        try:
            super().__init__(url, _NO_TIMER, enable_hstore=False, enable_json=False, enable_uuid=False, **_KEEPALIVE)
        except psycopg2.Error as error:
            raise translated(error) from error
        self._answers: Any = None
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @classmethod
    async def connect(cls, url: str, seconds: float) -> Link:
        """A ready connection within so many seconds; DbTimeout or DbUnavailable otherwise."""
        link = cls(url, seconds)
        try:
            await link
            link._answers = link.raw.cursor()
        except psycopg2.Error as error:
            link.close()
            raise link._told(error, seconds) from error
        return link

    async def run(self, sql: str, params: Any, seconds: float) -> Any:
        """psycopg2's cursor with the result; the statement gets so many seconds, then the connection is gone."""
        if seconds <= 0:
            raise DbTimeout("the deadline has passed")
        try:
            waiter = self._create_waiter("run")
            try:
                self._answers.execute(sql, params)
            except BaseException:
                self._waiter = None
                raise
            await self._poll(waiter, seconds)
        except psycopg2.Error as error:
            if error.pgcode is None and not isinstance(error, psycopg2.ProgrammingError):
                # surprise: libpq may have closed the socket already; aiopg must forget its number before it is given
                # to another connection, hence at once.
                self.close()
            raise self._told(error, seconds) from error
        except ValueError as error:  # a NUL in a text, or half a character
            raise DataError(str(error)) from error
        except (KeyError, TypeError, IndexError) as error:
            raise QueryError(f"the statement and its parameters do not agree: {error!r}") from error
        return self._answers

    @property
    def is_clean(self) -> bool:
        """Open, with no statement under way and no transaction open."""
        return not self.closed and self._waiter is None and self.raw.get_transaction_status() == _IDLE

    async def _poll(self, waiter: asyncio.Future[None], timeout: float | None) -> None:
        # aiopg's own version waits with wait_for and turns statement_timeout into CancelledError. Here a timer closes
        # the connection, which wakes the waiter: no wait depends on a peer that may be silent.
        self._expire_in(self._connect_seconds if timeout is None else timeout)
        try:
            self._ready(self._weakref)
            await waiter
        except asyncio.CancelledError:
            self.close()
            raise
        finally:
            self._waiter = None

    def _expire_in(self, seconds: float) -> None:
        # One timer serves many statements: it only looks whether the present one is late, and is set again if not.
        self._due = self._loop.time() + seconds
        if self._timer is not None and self._timer.when() > self._due:
            self._timer.cancel()
            self._timer = None
        if self._timer is None:
            self._timer = self._loop.call_at(self._due, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._waiter is None or self._waiter.done() or self.closed:
            return  # the answer may have come in this very turn of the loop
        if self._loop.time() < self._due:
            self._timer = self._loop.call_at(self._due, self._look)
        else:
            self.expired = True
            self.close()

    def _told(self, error: psycopg2.Error, seconds: float) -> Exception:
        if self.expired:
            return DbTimeout(f"no answer from PostgreSQL within {seconds:.2f} s")
        told = translated(error)
        if self.closed and error.pgcode is None:
            return DbUnavailable(str(told) or "the connection was lost")
        return told
