"""A cache in Redis: what everybody expects of one, under the shop's budgets.

    cache = Cache.open("redis://localhost:6379/1", prefix="shop")
    await cache.set("rate", 7.1, 60)
    rate = await cache.get_or_set("rate", ask_the_bank, 60, stale_seconds=600)

Where it lives: shop/cache/urls.py. How values are written: shop/cache/serializers.py. Whole numbers are written as digits, so
that `incr` can count them.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final, Self, TypeVar

from redis.asyncio import ConnectionPool, Redis
from redis.exceptions import ResponseError

from shop.cache.client import RedisClient, Script
from shop.cache.errors import RedisAway
from shop.cache.rebuilds import Rebuilds, Recipe
from shop.cache.serializers import Msgpack, Serializer, Unreadable
from shop.cache.stores import Command, Server, Store, as_server, open_store

SECONDS: Final = 300.0
ERRORS: Final = (RedisAway, ResponseError)
BATCH: Final = 1000

INCREASE: Final = Script(
    "if redis.call('EXISTS', KEYS[1]) == 0 then return false end return redis.call('INCRBY', KEYS[1], ARGV[1])"
)

T = TypeVar("T")


class _Usual:
    """The expiry of the cache itself; None is taken, it means never."""


USUAL: Final = _Usual()
Expiry = float | None | _Usual


class Cache:
    """Values under `prefix:version:key`, each with its own expiry in seconds (None: never; 0 or less: at once).

    With `ignores_errors` a Redis that is away or refuses holds nothing and takes nothing; otherwise every method raises RedisAway, or
    redis.ResponseError for what is not its server's state. Reads may come from a replica and then lag behind; everything else asks
    the primary.
    """

    def __init__(
        self,
        server: Server | RedisClient | Redis | ConnectionPool | Store,
        *,
        prefix: str = "cache",
        version: int = 1,
        seconds: float | None = SECONDS,
        serializer: Serializer | None = None,
        ignores_errors: bool = True,
    ) -> None:
        """Takes a client or pool that is there already; raises ValueError for a prefix with other than letters, digits, `_-.`."""
        # Letters only, so that clearing one prefix never reaches into another or takes a `*` for itself.
        if not re.fullmatch(r"[\w.-]+", prefix):
            raise ValueError(f"{prefix!r} cannot be the prefix of a cache")
        self._store = server if isinstance(server, Store) else Store(as_server(server))
        self._rebuilds = Rebuilds(self._store.primary, ignores_errors=ignores_errors)
        self._prefix = prefix
        self._version = version
        self._seconds = seconds
        self._serializer = serializer or Msgpack()
        self._ignores_errors = ignores_errors

    @classmethod
    def open(
        cls,
        url: str,
        *,
        pool: type[ConnectionPool] | None = None,
        client: type[Redis] | None = None,
        parser: type[Any] | None = None,
        **options: Any,
    ) -> Self:
        """A cache at a URL; pool, client and parser are classes of redis-py, without them it is our shared connection."""
        return cls(open_store(url, pool=pool, client=client, parser=parser), **options)

    @property
    def raw(self) -> Any:
        """The client of the primary, for what a cache has no word for."""
        return self._store.primary.raw

    def at(self, version: int) -> Cache:
        """The same cache at another version: it sees nothing of this one's values."""
        return Cache(
            self._store,
            prefix=self._prefix,
            version=version,
            seconds=self._seconds,
            serializer=self._serializer,
            ignores_errors=self._ignores_errors,
        )

    async def get(self, key: str, default: Any = None) -> Any:
        """The value, or `default`."""
        data = await self._unless_away(self._store.read("GET", self._key(key)), None)
        return self._read(data, default)

    async def get_many(self, keys: Iterable[str]) -> dict[str, Any]:
        """What there is of these keys."""
        names = list(keys)
        if not names:
            return {}
        found = await self._unless_away(self._store.read("MGET", *map(self._key, names)), [])
        values = {name: self._read(data, USUAL) for name, data in zip(names, found, strict=False)}
        return {name: value for name, value in values.items() if value is not USUAL}

    async def set(self, key: str, value: Any, seconds: Expiry = USUAL) -> bool:
        """Whether the value is there now; raises TypeError or ValueError for one that cannot be written."""
        return not await self.set_many({key: value}, seconds)

    async def set_many(self, values: Mapping[str, Any], seconds: Expiry = USUAL) -> list[str]:
        """The keys that could not be set."""
        commands = [self._putting(key, self._write(value), seconds) for key, value in values.items()]
        names, failed = list(values), list[str]()
        for start in range(0, len(names), BATCH):
            batch = names[start : start + BATCH]
            # Rebuilds under way end first: what they have read is older than what is set now.
            ending = ["UNLINK", *(beside for key in batch for beside in self._beside(key))]
            replies = await self._together([ending, *commands[start : start + BATCH]])
            failed += [key for key, reply in zip(batch, replies[1:], strict=True) if isinstance(reply, ERRORS)]
        return failed

    async def add(self, key: str, value: Any, seconds: Expiry = USUAL) -> bool:
        """Whether the value was set, because there was none."""
        command = self._putting(key, self._write(value), seconds)
        if command[0] != "SET":
            return not await self._unless_away(self._store.primary.execute("EXISTS", self._key(key)), 1)
        return bool(await self._unless_away(self._store.primary.execute(*command, "NX"), None))

    async def get_or_set(
        self, key: str, make: Callable[[], Awaitable[T]], seconds: Expiry = USUAL, *, stale_seconds: float = 0.0
    ) -> T:
        """The value, made by one caller in all processes when it is missing.

        Who asks while it is made is served the last value, up to `stale_seconds` after it expired; without one he waits for a second,
        then makes it for himself. What several callers get may be one object. Raises what making raised.
        """
        milliseconds = self._milliseconds(seconds)
        last = milliseconds + int(stale_seconds * 1000) if stale_seconds > 0 and milliseconds > 0 else 0
        keys = (self._key(key), *self._beside(key))
        recipe = Recipe(keys, make, self._write, self._load, max(milliseconds, 0), last)
        if milliseconds < 0:
            return await self._rebuilds.alone(recipe)  # type: ignore[no-any-return]
        try:
            return await self._rebuilds.value(recipe)  # type: ignore[no-any-return]
        except Unreadable:
            if not self._ignores_errors:
                raise
        await self.delete(key)  # the next one keeps what he makes
        return await self._rebuilds.alone(recipe)  # type: ignore[no-any-return]

    async def incr(self, key: str, by: int = 1) -> int | None:
        """The number after adding; its expiry stays. None when Redis is away and that is ignored.

        Raises KeyError when there is no such key, ValueError when it holds no whole number.
        """
        try:
            number = await self._store.primary.run(INCREASE, [self._key(key)], [by])
        except ERRORS as error:
            if "integer" in str(error) or "WRONGTYPE" in str(error):
                raise ValueError(f"{key!r} holds no whole number that can be counted") from error
            if not self._ignores_errors:
                raise
            return None
        if number is None:
            raise KeyError(key)
        return int(number)

    async def touch(self, key: str, seconds: Expiry = USUAL) -> bool:
        """Whether the key was there and has this expiry from now on."""
        name, milliseconds = self._key(key), self._milliseconds(seconds)
        prolong: Command = ("PERSIST", name) if milliseconds == 0 else ("PEXPIRE", name, milliseconds)
        there, _ = await self._together([("EXISTS", name), prolong])
        return bool(there == 1)

    async def ttl(self, key: str) -> float | None:
        """The seconds a key has left: None for one that never expires, 0 for one that is not there."""
        left = await self._unless_away(self._store.read("PTTL", self._key(key)), -2)
        return None if left == -1 else max(left, 0) / 1000

    async def delete(self, *keys: str) -> int:
        """How many of the keys were there; what is being made for one of them is not kept."""
        if not keys:
            return 0
        beside = [name for key in keys for name in self._beside(key)]
        _, deleted = await self._together([("UNLINK", *beside), ("UNLINK", *map(self._key, keys))])
        return 0 if isinstance(deleted, ERRORS) else int(deleted)

    async def clear(self) -> int:
        """How many entries of this prefix were deleted, whatever their version; other prefixes and keys stay."""
        return await self._unless_away(self._clear(), 0)

    async def close(self) -> None:
        """Close the connections, also those of a client that was passed in."""
        await self._rebuilds.close()
        await self._store.close()

    async def _clear(self) -> int:
        deleted, cursor = 0, 0
        while True:
            reply = await self._store.primary.execute("SCAN", cursor, "MATCH", f"{self._prefix}:*", "COUNT", BATCH)
            cursor = int(reply[0])
            if reply[1]:
                deleted += await self._store.primary.execute("UNLINK", *reply[1])
            if cursor == 0:
                return deleted

    def _key(self, key: str) -> str:
        return f"{self._prefix}:{self._version}:{key}"

    def _beside(self, key: str) -> tuple[str, str]:
        """Where the last value and the lock of a rebuild are."""
        return f"{self._prefix}:{self._version}~last:{key}", f"{self._prefix}:{self._version}~lock:{key}"

    def _putting(self, key: str, data: bytes, seconds: Expiry) -> Command:
        milliseconds = self._milliseconds(seconds)
        if milliseconds < 0:
            return ("UNLINK", self._key(key))
        return ("SET", self._key(key), data, *(("PX", milliseconds) if milliseconds else ()))

    def _milliseconds(self, seconds: Expiry) -> int:
        """0 is never, -1 at once."""
        chosen = self._seconds if isinstance(seconds, _Usual) else seconds
        if chosen is None:
            return 0
        return max(1, round(chosen * 1000)) if chosen > 0 else -1

    def _write(self, value: Any) -> bytes:
        if isinstance(value, int) and not isinstance(value, bool):
            return b"%d" % value
        return b"=" + self._serializer.dumps(value)

    def _load(self, data: bytes) -> Any:
        if data[:1] == b"=":
            return self._serializer.loads(data[1:])
        try:
            return int(data)
        except ValueError:
            raise Unreadable("not written by this cache") from None

    def _read(self, data: bytes | None, default: Any) -> Any:
        if data is None:
            return default
        try:
            return self._load(data)
        except Unreadable:
            if not self._ignores_errors:
                raise
            return default

    async def _unless_away(self, doing: Awaitable[T], otherwise: T) -> T:
        try:
            return await doing
        except ERRORS:
            if not self._ignores_errors:
                raise
            return otherwise

    async def _together(self, commands: list[Command]) -> list[Any]:
        """The replies in order, an ignored error in the place of those that got none; every other is raised."""
        try:
            replies = await self._store.primary.many(commands)
        except RedisAway as away:
            replies = [away] * len(commands)
        for error in replies:
            if isinstance(error, BaseException) and not (self._ignores_errors and isinstance(error, ERRORS)):
                raise error
        return replies


__all__ = ["SECONDS", "USUAL", "Cache"]
