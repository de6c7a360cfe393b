"""What one Redis command costs the process: redis-py's client, our shared connection, and ours with redis-py reading each reply.

Run: python -m tests.bench redis_commands. CPU µs a command, median of five alternated rounds; the ratios matter, not the figures.
"""

from __future__ import annotations

import asyncio
import math
import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Any

import redis.asyncio
from redis.exceptions import RedisError

from shop.cache import client as client_module
from shop.cache.client import RedisClient
from shop.cache.errors import ConnectionLost
from shop.cache.link import Link
from shop.embedded import Valkey
from tests.bench.results import Result
from tests.bench.shop import Shops
from tests.servers import scratch_folder

COMMANDS = 20_000
ROUNDS = 5
GOAL = 0.5  # else the protocol code of our own is not worth its keep


class LibraryLink(Link):
    """Replies one by one through redis-py's own read_response."""

    async def _read(self) -> None:
        try:
            while True:
                reply: Any = await self._connection.read_response(disable_decoding=True, timeout=math.inf)
                self._owed.popleft().set_result(reply)
                self._answered += 1
        except (RedisError, OSError) as error:
            self.close(ConnectionLost(str(error)))


async def cost(callers: int, ask: Callable[[], Awaitable[Any]]) -> float:
    """CPU µs of this process for one command, with so many callers at once."""

    async def caller() -> None:
        for _ in range(COMMANDS // callers):
            await ask()

    began = time.process_time()
    await asyncio.gather(*(caller() for _ in range(callers)))
    return (time.process_time() - began) / COMMANDS * 1e6


async def compare(url: str) -> float:
    """Prints one line for each number of callers; our cost for 64 as a part of redis-py's."""
    library = redis.asyncio.Redis.from_url(url)
    ours, through_library = RedisClient.open(url), RedisClient.open(url)
    await ours.execute("SET", "k", b"x" * 300)
    client_module.Link = LibraryLink  # type: ignore[misc]
    await through_library.execute("PING")
    client_module.Link = Link  # type: ignore[misc]
    ways: dict[str, Callable[[], Awaitable[Any]]] = {
        "redis-py": lambda: library.get("k"),
        "ours, replies read by redis-py": lambda: through_library.execute("GET", "k"),
        "ours": lambda: ours.execute("GET", "k"),
    }
    for callers in (1, 64):
        rounds = [{name: await cost(callers, ask) for name, ask in ways.items()} for _ in range(ROUNDS)]
        told = ", ".join(f"{name} {statistics.median(r[name] for r in rounds):.1f} µs" for name in ways)
        print(f"{callers} at once: {told}")
        ratio = statistics.median(each["ours"] / each["redis-py"] for each in rounds)
    await library.aclose()
    await ours.close()
    await through_library.close()
    return ratio


def main(shops: Shops) -> list[Result]:
    """On a server of its own."""
    with scratch_folder() as folder:
        server = Valkey(folder).start()
        try:
            ratio = asyncio.run(compare(server.url))
        finally:
            server.stop()
    return [Result("a Redis command, 64 at once", ratio, GOAL, "of redis-py's")]
