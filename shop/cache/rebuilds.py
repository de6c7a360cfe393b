"""One rebuild at a time, in this process and in all others; who asks meanwhile gets the last value, or waits for the new one."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

import structlog
from redis.exceptions import ResponseError

from shop.cache.client import Argument, Script
from shop.cache.errors import RedisAway
from shop.cache.stores import Server

# A rebuild that takes longer, or whose process died, may be begun by another.
LOCK_SECONDS: Final = 10.0
# Whoever has nothing to show meanwhile waits so long, then makes the value for himself: no page may hang on another's work.
WAIT_SECONDS: Final = 1.0
POLL_SECONDS: Final = 0.03

FRESH: Final = 1
OURS: Final = 2
THEIRS: Final = 3
NOBODYS: Final = 0  # Redis is away, or has something else in that place

# KEYS: value, last value, lock. ARGV: token, milliseconds of the lock.
ASK: Final = Script("""
local value = redis.call('GET', KEYS[1])
if value then return {1, value} end
local last = redis.call('GET', KEYS[2])
if redis.call('SET', KEYS[3], ARGV[1], 'NX', 'PX', ARGV[2]) then return {2, last} end
return {3, last}
""")

# KEYS as above. ARGV: token, value, its milliseconds (0: for ever), milliseconds of the last value (0: none is kept).
# A lock that is gone says that the key was set or deleted meanwhile, and what was made is older than that.
KEEP: Final = Script("""
local function put(key, value, milliseconds)
  if milliseconds == '0' then redis.call('SET', key, value) else redis.call('SET', key, value, 'PX', milliseconds) end
end
if redis.call('GET', KEYS[3]) ~= ARGV[1] then return 0 end
put(KEYS[1], ARGV[2], ARGV[3])
if ARGV[4] ~= '0' then put(KEYS[2], ARGV[2], ARGV[4]) end
redis.call('DEL', KEYS[3])
return 1
""")

RELEASE: Final = Script("if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0")

log = structlog.get_logger("shop.cache")


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a missing value is made and kept; `milliseconds` 0 is for ever, `last_milliseconds` 0 keeps no last value."""

    keys: tuple[str, str, str]
    make: Callable[[], Awaitable[Any]]
    dumps: Callable[[Any], bytes]
    loads: Callable[[bytes], Any]
    milliseconds: int
    last_milliseconds: int


class Rebuilds:
    """The rebuilds of this process."""

    def __init__(self, server: Server, *, ignores_errors: bool) -> None:
        self._server = server
        self._ignores_errors = ignores_errors
        self._running: dict[str, asyncio.Task[Any]] = {}

    async def value(self, recipe: Recipe) -> Any:
        """The value, the last one, or a new one; raises RedisAway unless that is ignored, Unreadable, or what making raised."""
        until = asyncio.get_running_loop().time() + WAIT_SECONDS
        while True:
            token = secrets.token_hex(8)
            state, kept = await self._ask(recipe, token)
            if state == NOBODYS:
                return await self.alone(recipe)
            if state == OURS:
                making = self._begin(recipe, token)
                return await asyncio.shield(making) if kept is None else recipe.loads(kept)
            if kept is not None:
                return recipe.loads(kept)
            if (running := self._running.get(recipe.keys[0])) is not None:
                return await asyncio.shield(running)
            if asyncio.get_running_loop().time() >= until:
                return await self.alone(recipe)
            await asyncio.sleep(POLL_SECONDS)

    async def alone(self, recipe: Recipe) -> Any:
        """A new value, made once for all who ask in this process; nothing is kept."""
        running = self._running.get(recipe.keys[0])
        return await asyncio.shield(running if running is not None else self._begin(recipe, None))

    async def close(self) -> None:
        """Ends what is still being made."""
        running = list(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _ask(self, recipe: Recipe, token: str) -> tuple[int, bytes | None]:
        try:
            state, kept = await self._server.run(ASK, recipe.keys, [token, int(LOCK_SECONDS * 1000)])
        except (RedisAway, ResponseError):
            if not self._ignores_errors:
                raise
            return NOBODYS, None
        return state, kept

    def _begin(self, recipe: Recipe, token: str | None) -> asyncio.Task[Any]:
        """surprise: a task, for a visitor who leaves must not take the value away from the others who wait for it."""
        task = asyncio.create_task(self._make(recipe, token))
        self._running[recipe.keys[0]] = task
        task.add_done_callback(lambda done: self._ended(recipe, done))
        return task

    async def _make(self, recipe: Recipe, token: str | None) -> Any:
        try:
            value = await recipe.make()
            data = recipe.dumps(value)
        except BaseException:
            if token is not None:
                await self._tell(RELEASE, recipe.keys[2:], [token])
            raise
        if token is not None:
            await self._tell(KEEP, recipe.keys, [token, data, recipe.milliseconds, recipe.last_milliseconds])
        return value

    async def _tell(self, script: Script, keys: tuple[str, ...], arguments: list[Argument]) -> None:
        try:
            await self._server.run(script, keys, arguments)
        except (RedisAway, ResponseError) as error:  # the value is made all the same
            log.debug("rebuild not kept", reason=str(error))

    def _ended(self, recipe: Recipe, done: asyncio.Task[Any]) -> None:
        if self._running.get(recipe.keys[0]) is done:
            del self._running[recipe.keys[0]]
        if not done.cancelled() and (error := done.exception()) is not None:
            log.warning("rebuild failed", key=recipe.keys[0], error=repr(error))
