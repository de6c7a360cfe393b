"""One connection to Redis for the whole process, shared by everybody.

Commands of many callers leave in one write and their replies are handed out in order (automatic pipelining). Connecting,
TLS and AUTH are redis-py's; ours are the budgets, the breaker and the hand-out: a caller who gives up leaves its place in
the row, so no reply ever reaches another. Blocking commands (BLPOP, SUBSCRIBE) would hold up everybody: not here.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

import structlog
from hiredis import pack_command
from redis.exceptions import NoScriptError

from shop.cache.errors import ConnectionLost, RedisAway
from shop.cache.link import Connector, Link, Waiting

__all__ = ["RedisAway", "RedisClient", "Script"]

FAILURES: Final = 5
PROBE_SECONDS: Final = 1.0
QUEUE: Final = 10_000
# Doing these twice is doing them once, so a connection that broke under them is worth one more try.
IDEMPOTENT: Final = frozenset({"GET", "MGET", "LRANGE", "EXISTS", "TTL", "PING", "DEL", "UNLINK", "HGETALL"})

Argument = bytes | str | int | float
log = structlog.get_logger("shop.cache")


@dataclass(frozen=True, slots=True)
class Script:
    """A Lua script the server keeps by its fingerprint; `idempotent` when running it twice is running it once."""

    source: str
    idempotent: bool = False
    fingerprint: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "fingerprint", hashlib.sha1(self.source.encode(), usedforsecurity=False).hexdigest())


class RedisClient:
    """Redis under a budget: 0.2 s to connect, 0.3 s to reply, then RedisAway; after five failures at once, probing each second."""

    def __init__(self, connector: Connector) -> None:
        self._connector = connector
        self._link: Link | None = None
        self._waiting: list[Waiting] = []
        self._failures = 0
        self._is_open = False  # the breaker: open means that no current flows
        self._is_closed = False
        self._flushing = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._probing: asyncio.Task[None] | None = None

    @classmethod
    def open(cls, url: str) -> RedisClient:
        """A client for redis://, rediss:// or unix://, ValueError for anything else; it connects with the first command."""
        return cls(Connector(url))

    async def execute(self, command: str, *arguments: Argument) -> Any:
        """The reply to one command, bytes undecoded; raises RedisAway, or redis.ResponseError for a wrong command."""
        return await self._send((command, *arguments), command in IDEMPOTENT)

    async def run(self, script: Script, keys: Sequence[Argument], arguments: Sequence[Argument] = ()) -> Any:
        """The reply of a Lua script; raises as `execute`."""
        rest = (len(keys), *keys, *arguments)
        try:
            return await self._send(("EVALSHA", script.fingerprint, *rest), script.idempotent)
        except NoScriptError:
            return await self._send(("EVAL", script.source, *rest), script.idempotent)

    async def ping(self) -> bool:
        """Whether Redis answers at this moment."""
        try:
            return bool(await self.execute("PING") == b"PONG")
        except RedisAway:
            return False

    async def close(self) -> None:
        """Close the connection; whoever still waits is told RedisAway."""
        self._is_closed = True
        for task in (self._connecting, self._probing):
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
        self._give_up(RedisAway("closed"))
        if self._link is not None:
            self._link.close(RedisAway("closed"))
        await self._connector.close()

    async def _send(self, command: tuple[Argument, ...], idempotent: bool) -> Any:
        packed = pack_command(cast(Any, command))
        try:
            return await self._ask(packed)
        except ConnectionLost:
            if not idempotent:
                raise
        return await self._ask(packed)

    def _ask(self, packed: bytes) -> asyncio.Future[Any]:
        """Puts a command into the row; whatever else is asked in this turn of the loop travels with it."""
        if self._is_open or self._is_closed:
            raise RedisAway("not asked: it failed a moment ago" if self._is_open else "closed")
        link = self._link
        if len(self._waiting) + (link.in_flight if link is not None else 0) >= QUEUE:
            raise RedisAway("too many commands are waiting already")
        loop = self._loop or self._arrive()
        future: asyncio.Future[Any] = loop.create_future()
        self._waiting.append((packed, future))
        if not self._flushing:
            self._flushing = True
            loop.call_soon(self._flush)
        return future

    def _arrive(self) -> asyncio.AbstractEventLoop:
        self._loop = asyncio.get_running_loop()
        return self._loop

    def _flush(self) -> None:
        if self._waiting and (self._link is None or self._link.is_closed):
            if self._connecting is None:
                self._connecting = asyncio.create_task(self._connect())
            return
        self._flushing = False
        batch, self._waiting = self._waiting, []
        if self._link is not None and batch:
            self._link.send(batch)

    async def _connect(self) -> None:
        try:
            self._link = await Link.connect(self._connector, self._succeeded, self._failed)
        except RedisAway as away:
            self._give_up(away)
        finally:
            self._connecting = None
        if self._waiting:
            self._flush()

    def _give_up(self, away: RedisAway) -> None:
        """Nobody in the row can be served; the next caller starts afresh."""
        batch, self._waiting = self._waiting, []
        self._flushing = False
        for _, future in batch:
            if not future.done():
                future.set_exception(away)
        self._failed(len(batch))

    def _succeeded(self) -> None:
        self._failures = 0

    def _failed(self, commands: int) -> None:
        self._failures += commands
        if self._failures < FAILURES or self._is_open or self._is_closed:
            return
        self._is_open = True
        log.warning("redis breaker opened", failures=self._failures)
        if self._link is not None:
            self._link.close(RedisAway("too many failures"))
        self._give_up(RedisAway("too many failures"))
        self._probing = asyncio.create_task(self._probe())

    async def _probe(self) -> None:
        """Asks each second, on behalf of all, whether Redis is back."""
        while self._is_open:
            await asyncio.sleep(PROBE_SECONDS)
            try:
                self._link = await Link.connect(self._connector, self._succeeded, self._failed)
            except RedisAway:
                continue
            self._is_open, self._failures = False, 0
            log.info("redis breaker closed")
