"""Servers as the cache sees them: our shared connection, or redis-py's clients and pools; a primary, and replicas for reads."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Awaitable, Sequence
from typing import Any, Final, Protocol, TypeVar

from redis.asyncio import ConnectionPool, Redis
from redis.exceptions import NoScriptError, RedisError, ResponseError

from shop.cache.client import Argument, RedisClient, Script
from shop.cache.errors import RedisAway, RedisRefuses
from shop.cache.link import CONNECT_SECONDS, REPLY_SECONDS, budgeted, is_refusal
from shop.cache.urls import connectors, is_sentinels, servers

BUDGET_SECONDS: Final = CONNECT_SECONDS + REPLY_SECONDS

Command = Sequence[Argument]
T = TypeVar("T")


class Server(Protocol):
    """One Redis server. Everything raises RedisAway within the budget, or redis.ResponseError for a wrong command."""

    raw: Any

    async def execute(self, *command: Argument) -> Any:
        """The reply to one command, undecoded."""

    async def many(self, commands: Sequence[Command]) -> list[Any]:
        """The replies to many commands that leave together; an error stands in its place."""

    async def run(self, script: Script, keys: Sequence[Argument], arguments: Sequence[Argument]) -> Any:
        """The reply of a script."""

    async def close(self) -> None:
        """Close what is open."""


class Shared:
    """The process's one pipelined connection (shop/cache/client.py)."""

    def __init__(self, client: RedisClient) -> None:
        self.raw = client
        self.run = client.run
        self.close = client.close

    async def execute(self, *command: Argument) -> Any:
        return await self.raw.execute(str(command[0]), *command[1:])

    async def many(self, commands: Sequence[Command]) -> list[Any]:
        return await asyncio.gather(*(self.execute(*command) for command in commands), return_exceptions=True)


class RedisPy:
    """A client of redis-py, with its own pool and parser, under the same budget."""

    def __init__(self, client: Redis) -> None:
        """Takes a client whose replies are bytes; raises ValueError for one that decodes them."""
        if client.connection_pool.connection_kwargs.get("decode_responses"):
            raise ValueError("the cache needs replies as bytes: decode_responses=False")
        self.raw = client

    async def execute(self, *command: Argument) -> Any:
        return await _within_budget(self.raw.execute_command(*command))  # type: ignore[no-untyped-call]

    async def many(self, commands: Sequence[Command]) -> list[Any]:
        pipeline = self.raw.pipeline(transaction=False)
        for command in commands:
            pipeline.execute_command(*command)
        replies = await _within_budget(pipeline.execute(raise_on_error=False))
        return [_ours(reply) if isinstance(reply, Exception) else reply for reply in replies]

    async def run(self, script: Script, keys: Sequence[Argument], arguments: Sequence[Argument]) -> Any:
        rest = (len(keys), *keys, *arguments)
        try:
            return await self.execute("EVALSHA", script.fingerprint, *rest)
        except NoScriptError:
            return await self.execute("EVAL", script.source, *rest)

    async def close(self) -> None:
        await self.raw.aclose(close_connection_pool=True)


class Store:
    """A primary for everything and, where there are any, replicas in turn for reads."""

    def __init__(self, primary: Server, replicas: Sequence[Server] = ()) -> None:
        self.primary = primary
        self.replicas = tuple(replicas)
        self._turns = itertools.cycle(self.replicas)

    async def read(self, *command: Argument) -> Any:
        """The reply of a replica; the primary answers for one that is away."""
        if self.replicas:
            with contextlib.suppress(RedisAway):
                return await next(self._turns).execute(*command)
        return await self.primary.execute(*command)

    async def close(self) -> None:
        """Close every connection."""
        for server in (self.primary, *self.replicas):
            await server.close()


def open_store(
    url: str,
    *,
    pool: type[ConnectionPool] | None = None,
    client: type[Redis] | None = None,
    parser: type[Any] | None = None,
) -> Store:
    """The store at a URL (shop/cache/urls.py): by our shared connection, or by redis-py's classes when any is given.

    Raises ValueError for a malformed URL, and for those classes together with sentinels (pass `Sentinel.master_for(…)` to the Cache).
    """
    if pool is None and client is None and parser is None:
        primary, replicas = connectors(url)
        return Store(Shared(RedisClient(primary)), [Shared(RedisClient(replica)) for replica in replicas])
    if is_sentinels(url):
        raise ValueError("sentinels have a pool of their own: pass the client that Sentinel.master_for() makes")
    options = {**budgeted(BUDGET_SECONDS), **({"parser_class": parser} if parser is not None else {})}
    first, *others = (
        RedisPy((client or Redis)(connection_pool=(pool or ConnectionPool).from_url(server, **options)))
        for server in servers(url)
    )
    return Store(first, others)


def as_server(given: Server | RedisClient | Redis | ConnectionPool) -> Server:
    """Any of the objects people have in hand."""
    if isinstance(given, RedisClient):
        return Shared(given)
    if isinstance(given, ConnectionPool):
        return RedisPy(Redis(connection_pool=given))
    return RedisPy(given) if isinstance(given, Redis) else given


async def _within_budget(doing: Awaitable[T]) -> T:
    """surprise: not `wait_for`, which waits for a cancelled driver call, and that may hang on a silent peer."""
    task = asyncio.ensure_future(doing)
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    await asyncio.wait({task}, timeout=BUDGET_SECONDS)
    if not task.done():
        task.cancel()
        raise RedisAway(f"no reply within {BUDGET_SECONDS} s")
    try:
        return task.result()
    except (RedisError, OSError) as error:
        raise _ours(error) from None


def _ours(error: Exception) -> Exception:
    """redis-py's error for a wrong command as it is; RedisAway for all that is not the command's fault."""
    if is_refusal(error):
        return RedisRefuses(str(error))
    return error if isinstance(error, ResponseError) else RedisAway(str(error))
