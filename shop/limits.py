"""Limits: how often something may be tried in a sliding window, counted in Redis, and in the process while Redis is away."""

from __future__ import annotations

import hmac
import math
import secrets
import time
from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from shop.cache.client import RedisAway, Script

# The newest tries of each window as a sorted set; nothing is counted unless every window has room.
TAKE: Final = Script("""
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local wait = 0
for i, key in ipairs(KEYS) do
  local times, window = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now - window)
  local taken = redis.call('ZCARD', key)
  if taken >= times then
    local blocking = redis.call('ZRANGE', key, taken - times, taken - times, 'WITHSCORES')
    wait = math.max(wait, tonumber(blocking[2]) + window - now, 1)
  end
end
if wait > 0 then return wait end
for i, key in ipairs(KEYS) do
  redis.call('ZADD', key, now, ARGV[1])
  redis.call('PEXPIRE', key, ARGV[2 * i + 1])
end
return 0
""")
# As many windows as one process remembers while Redis is away.
REMEMBERED: Final = 20_000


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `times` within any `seconds`; the name keeps its windows apart from those of others."""

    name: str
    times: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Try:
    """One try that was counted, or that has to wait so many seconds."""

    windows: tuple[str, ...]
    mark: str
    wait: int

    @property
    def is_allowed(self) -> bool:
        """Whether every window had room."""
        return self.wait == 0


class Counts(Protocol):
    """What the limits need of Redis; raises RedisAway."""

    async def run(self, script: Script, keys: Sequence[str], arguments: Sequence[str | int]) -> object:
        """The reply of a script."""

    async def execute(self, command: str, *arguments: str) -> object:
        """The reply of a command."""


class Limits:
    """Windows of tries by limit and subject; subjects (addresses, names) are kept only as keyed digests."""

    def __init__(self, redis: Counts, secret: bytes) -> None:
        self._redis = redis
        self._secret = hmac.digest(secret, b"bayberry.limits", "sha256")
        self._local: OrderedDict[str, deque[tuple[float, str]]] = OrderedDict()

    async def take(self, *asked: tuple[Limit, str]) -> Try:
        """Count one try in the windows of all limits asked for, or in none of them when one is full."""
        windows = tuple(self._window(limit, subject) for limit, subject in asked)
        mark = secrets.token_hex(8)
        arguments: list[str | int] = [mark]
        for limit, _ in asked:
            arguments += (limit.times, limit.seconds * 1000)
        try:
            reply = await self._redis.run(TAKE, windows, arguments)
            wait = math.ceil(int(str(reply)) / 1000)
        except RedisAway:
            wait = self._take_here(windows, [limit for limit, _ in asked], mark)
        return Try(windows, mark, wait)

    async def give_back(self, attempt: Try) -> None:
        """Take a try out of its windows again: it succeeded, and only failures count."""
        for window in attempt.windows:
            tries = self._local.get(window)
            if tries is not None:
                self._local[window] = deque(entry for entry in tries if entry[1] != attempt.mark)
            try:
                await self._redis.execute("ZREM", window, attempt.mark)
            except RedisAway:
                continue

    def _window(self, limit: Limit, subject: str) -> str:
        # security: a dump of Redis must hold no address or name, nor what guessing could turn back into one
        digest = hmac.digest(self._secret, f"{limit.name}\0{subject}".encode("utf-8", "surrogatepass"), "sha256")
        return f"l:{{limits}}:{limit.name}:{digest[:16].hex()}"

    def _take_here(self, windows: Sequence[str], limits: Sequence[Limit], mark: str) -> int:
        now = time.monotonic()
        wait = max(self._wait_here(window, limit, now) for window, limit in zip(windows, limits, strict=True))
        if not wait:
            for window in windows:
                self._local.setdefault(window, deque()).append((now, mark))
                self._local.move_to_end(window)
            while len(self._local) > REMEMBERED:
                self._local.popitem(last=False)
        return wait

    def _wait_here(self, window: str, limit: Limit, now: float) -> int:
        tries = self._local.get(window, deque())
        while tries and tries[0][0] <= now - limit.seconds:
            tries.popleft()
        if len(tries) < limit.times:
            return 0
        return max(1, math.ceil(tries[-limit.times][0] + limit.seconds - now))
