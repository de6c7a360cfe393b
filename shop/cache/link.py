"""A connection to Redis in use: commands out in batches, replies handed out in order, silence noticed."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, Final, cast

import hiredis
from redis._parsers.base import BaseParser
from redis.asyncio.connection import AbstractConnection, Connection, parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    BusyLoadingError,
    ClusterDownError,
    MasterDownError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
)

from shop.cache.errors import ConnectionLost, RedisAway, RedisRefuses

CONNECT_SECONDS: Final = 0.2
REPLY_SECONDS: Final = 0.3
# A timer may be late because our own loop was busy while the reply lay in the socket: look once more before giving up.
GRACE_SECONDS: Final = 0.02
READ_BYTES: Final = 65_536

Waiting = tuple[bytes, asyncio.Future[Any]]
_NOT_YET: Final = object()
_REFUSALS: Final = (OutOfMemoryError, ReadOnlyError, BusyLoadingError, MasterDownError, ClusterDownError)
_REFUSING_WORDS: Final = ("MISCONF", "NOREPLICAS", "BUSY")


def budgeted(seconds: float) -> dict[str, Any]:
    """Options of a redis-py connection that gives up after `seconds` and leaves trying again to its caller."""
    return {
        "socket_connect_timeout": seconds,
        "socket_timeout": seconds,
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
        "driver_info": None,
    }


class Connector:
    """Makes redis-py's connections from a URL, TLS and credentials included, with our budgets."""

    def __init__(self, url: str) -> None:
        self._options: dict[str, Any] = dict(parse_url(url))
        self._kind = self._options.pop("connection_class", Connection)
        self._options.update(budgeted(CONNECT_SECONDS))

    def connection(self) -> AbstractConnection:
        """A connection that is not open yet."""
        return cast(AbstractConnection, self._kind(**self._options))

    async def close(self) -> None:
        """Nothing is open beside the connections themselves."""


class Link:
    """One live connection; when it breaks or falls silent, everybody waiting on it is told and it is never used again."""

    def __init__(
        self, connection: AbstractConnection, succeeded: Callable[[], None], failed: Callable[[int], None]
    ) -> None:
        self._connection = connection
        self._succeeded = succeeded
        self._failed = failed
        self._owed: deque[asyncio.Future[Any]] = deque()
        # (first command of a batch by its number, when its reply is due); numbers count from the beginning of the connection
        self._due: deque[tuple[int, float]] = deque()
        self._answered = 0
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._suspect: asyncio.Future[Any] | None = None
        self.is_closed = False
        # Its streams are read here directly: awaiting each reply through redis-py costs a fifth more (tests/bench/redis_commands.py).
        self._writer = cast(asyncio.StreamWriter, connection._writer)
        self._stream = cast(asyncio.StreamReader, connection._reader)
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def connect(cls, connector: Connector, succeeded: Callable[[], None], failed: Callable[[int], None]) -> Link:
        """A connection that is ready for commands; raises RedisAway within the budget."""
        connection = connector.connection()
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await connection.connect()  # type: ignore[no-untyped-call]
        except (RedisError, OSError) as error:  # TimeoutError is an OSError
            await connection.disconnect(nowait=True)
            raise RedisAway(f"no connection: {error}") from None
        return cls(connection, succeeded, failed)

    @property
    def in_flight(self) -> int:
        """How many replies are still owed."""
        return len(self._owed)

    def send(self, batch: list[Waiting]) -> None:
        """Writes all commands at once; their futures are resolved in this order."""
        due = self._loop.time() + REPLY_SECONDS
        self._due.append((self._answered + len(self._owed), due))
        self._owed.extend([future for _, future in batch])
        self._writer.write(b"".join([packed for packed, _ in batch]))
        if self._timer is None:
            self._timer = self._loop.call_at(due, self._look)

    def close(self, reason: RedisAway) -> None:
        """Ends the connection; whoever waits is told `reason`."""
        if self.is_closed:
            return
        self.is_closed = True
        if self._timer is not None:
            self._timer.cancel()
        self._reading.cancel()
        self._writer.transport.abort()
        # Its own bookkeeping would ask for a running task; the transport above is all there is to close.
        self._connection._writer = self._connection._reader = None
        owed, self._owed = self._owed, deque()
        for future in owed:
            if not future.done():
                future.set_exception(reason)
        self._failed(len(owed))

    async def _read(self) -> None:
        parser = hiredis.Reader(replyError=_error, notEnoughData=_NOT_YET)
        try:
            while data := await self._stream.read(READ_BYTES):
                parser.feed(data)
                self._hand_out(parser)
                self._succeeded()
        except (OSError, hiredis.ProtocolError, IndexError) as error:
            self.close(ConnectionLost(f"connection lost: {error}"))
        self.close(ConnectionLost("connection closed by Redis"))

    def _hand_out(self, parser: hiredis.Reader) -> None:
        """security: the oldest command gets the reply, and a caller who has gone away still takes its own."""
        owed, next_reply = self._owed, parser.gets
        before = len(owed)
        while (reply := next_reply(False)) is not _NOT_YET:
            future = owed.popleft()
            if future.done():
                continue
            if isinstance(reply, Exception):
                future.set_exception(reply)
            else:
                future.set_result(reply)
        self._answered += before - len(owed)

    def _look(self) -> None:
        """Has the oldest command waited too long? Then this peer is silent, and so it is for all behind it."""
        self._timer = None
        if not self._owed:
            return
        while len(self._due) > 1 and self._due[1][0] <= self._answered:
            self._due.popleft()
        oldest, late = self._owed[0], self._loop.time() - self._due[0][1]
        if late < 0:
            self._timer = self._loop.call_at(self._due[0][1], self._look)
        elif self._suspect is not oldest:
            self._suspect = oldest
            # A timer that comes late shows that this machine has had no time, and Redis perhaps none either.
            self._timer = self._loop.call_later(min(max(late, GRACE_SECONDS), REPLY_SECONDS), self._look)
        else:
            self.close(RedisAway(f"no reply within {REPLY_SECONDS} s"))


def _error(text: str) -> Exception:
    """redis-py's class for an error reply, or RedisRefuses when it is the server's state and not the command."""
    error = BaseParser.parse_error(text)  # type: ignore[no-untyped-call]
    return RedisRefuses(text) if is_refusal(error) else cast(Exception, error)


def is_refusal(error: Exception) -> bool:
    """Whether it is the state of the server that speaks, and not a wrong command."""
    return isinstance(error, _REFUSALS) or str(error).split(" ", 1)[0] in _REFUSING_WORDS
