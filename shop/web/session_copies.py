"""Sealed copies of sessions in Redis: one trip a page, believed for minutes, worth nothing to whoever reads Redis.

A copy is `<version, ten digits><sealed record>`. A version never goes back, and the highest is a tombstone, so that no
slow request can bring back what a sign-out has ended.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple

import orjson
import structlog

from shop.cache.account_keys import NOTE_LUA, basket_key, history_key, session_key
from shop.cache.client import RedisAway, RedisClient, Script
from shop.sealing import KeyRing, SealBroken
from shop.session_record import SessionRecord

BELIEVED_SECONDS: Final = 300
UNSEALED: Final = 10_000
# The prefix of their keys: customers and staff find nothing of each other.
CUSTOMERS: Final = "s"
STAFF: Final = "staff"
_DIGITS: Final = 10
TOMBSTONE: Final = b"9" * _DIGITS

_PAGE: Final = Script(
    NOTE_LUA
    + """
local held = redis.call('GET', KEYS[1])
if not held or #held <= 10 then return {held} end
if ARGV[1] ~= '' then note(KEYS[2], ARGV[1]) end
return {held, redis.call('GET', KEYS[3]), table.concat(redis.call('LRANGE', KEYS[2], 0, -1), ' ')}
""",
    idempotent=True,
)

_KEEP: Final = Script(
    NOTE_LUA
    + """
local held = redis.call('GET', KEYS[1])
if not held or tonumber(string.sub(held, 1, 10)) <= tonumber(string.sub(ARGV[2], 1, 10)) then
  redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
end
if ARGV[1] ~= '' then note(KEYS[2], ARGV[1]) end
return {ARGV[2], redis.call('GET', KEYS[3]), table.concat(redis.call('LRANGE', KEYS[2], 0, -1), ' ')}
""",
    idempotent=True,
)

# security: XX, a copy that is gone is never made again by saving.
_SAVE: Final = Script(
    """
local held = redis.call('GET', KEYS[1])
if held and tonumber(string.sub(held, 1, 10)) < tonumber(string.sub(ARGV[1], 1, 10)) then
  return redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2], 'XX')
end
""",
    idempotent=True,
)

log = structlog.get_logger("shop.sessions")


class Page(NamedTuple):
    """What one trip told: the session's copy or that it was ended; basket count and recent products where they are known."""

    record: SessionRecord | None = None
    is_buried: bool = False
    basket_count: int | None = None
    recent: tuple[int, ...] | None = None


class SessionCopies:
    """Reads and writes the copies; while Redis is away every method does nothing and says so by its result."""

    def __init__(self, redis: RedisClient, keys: Sequence[bytes], kind: str = CUSTOMERS) -> None:
        self._redis = redis
        self._kind = kind
        self._ring = KeyRing(keys, "sessions" if kind == CUSTOMERS else f"sessions.{kind}")
        # The same sealed bytes under the same key say the same: unsealing costs as much as all the rest of a page's trip.
        self._unsealed: dict[str, tuple[bytes, float, SessionRecord]] = {}

    async def page(self, tag: str, id_hash: bytes, viewed: int | None) -> Page:
        """The session's copy and the basket count; `viewed` goes into the history if there is a copy."""
        keys = _keys(tag, id_hash, self._kind)
        try:
            held, *told = await self._redis.run(_PAGE, keys, ("" if viewed is None else viewed,))
        except RedisAway:
            return Page()
        if held is None or len(held) <= _DIGITS:
            return Page(is_buried=held is not None)
        return Page(self._opened(keys[0], id_hash, held), False, *_beside(told))

    async def keep(self, record: SessionRecord, viewed: int | None) -> Page:
        """Put a copy of what the authority just said; older copies and tombstones win over nothing but are never undone."""
        keys = _keys(record.tag, record.id_hash, self._kind)
        sealed, seconds = self._sealed(keys[0], record)
        try:
            _, *told = await self._redis.run(_KEEP, keys, ("" if viewed is None else viewed, sealed, seconds))
        except RedisAway:
            return Page(record)
        return Page(record, False, *_beside(told))

    async def save(self, record: SessionRecord) -> None:
        """Replace an older copy that is still there."""
        key = session_key(record.tag, record.id_hash, self._kind)
        try:
            await self._redis.run(_SAVE, (key,), self._sealed(key, record))
        except RedisAway:
            log.info("session copy not saved", reason="redis away")

    async def bury(self, tag: str, id_hash: bytes) -> None:
        """A tombstone where the copy was; PostgreSQL has ended the session already, so this may be lost."""
        try:
            await self._redis.execute(
                "SET", session_key(tag, id_hash, self._kind), TOMBSTONE, "EX", 2 * BELIEVED_SECONDS
            )
        except RedisAway:
            log.info("session copy not buried", reason="redis away")

    def _sealed(self, key: str, record: SessionRecord) -> tuple[bytes, int]:
        now = datetime.now(UTC)
        left = (record.ends_at - now).total_seconds()
        # A short idle limit has to be noticed in the row, so its copy lives only a quarter of it.
        seconds = min(BELIEVED_SECONDS, left, record.idle_seconds / 4)
        version = b"%010d" % record.version
        plain = orjson.dumps({"until": now.timestamp() + seconds, **_told(record)})
        return version + self._ring.seal(plain, key.encode() + version), max(1, int(seconds))

    def _opened(self, key: str, id_hash: bytes, held: bytes) -> SessionRecord | None:
        known = self._unsealed.get(key)
        if known is None or known[0] != held:
            known = self._unseal(key, id_hash, held)
            if known is None:
                return None
            if len(self._unsealed) >= UNSEALED:
                del self._unsealed[next(iter(self._unsealed))]
            self._unsealed[key] = known
        # security: the end of belief is inside the seal; an old file of the server's brings nothing back.
        return known[2] if time.time() < known[1] else None

    def _unseal(self, key: str, id_hash: bytes, held: bytes) -> tuple[bytes, float, SessionRecord] | None:
        version, sealed = held[:_DIGITS], held[_DIGITS:]
        try:
            told: dict[str, Any] = orjson.loads(self._ring.open(sealed, key.encode() + version))
        except SealBroken:
            log.warning("session copy with a broken seal", key=key)
            return None
        record = SessionRecord(
            id_hash=id_hash,
            account_id=told["account"],
            name=told["name"],
            tag=told["tag"],
            signed_in_at=datetime.fromtimestamp(told["signed_in"], UTC),
            ends_at=datetime.fromtimestamp(told["ends"], UTC),
            idle_seconds=told["idle"],
            until_browser_closes=told["browser"],
            version=int(version),
            fields=told["fields"],
        )
        return held, told["until"], record


def _told(record: SessionRecord) -> dict[str, Any]:
    return {
        "account": record.account_id,
        "name": record.name,
        "tag": record.tag,
        "signed_in": record.signed_in_at.timestamp(),
        "ends": record.ends_at.timestamp(),
        "idle": record.idle_seconds,
        "browser": record.until_browser_closes,
        "fields": dict(record.fields),
    }


def _beside(told: Sequence[Any]) -> tuple[int | None, tuple[int, ...]]:
    count, recent = told
    return (int(count) if count is not None else None), _numbers(recent)


@lru_cache(4096)
def _numbers(told: bytes) -> tuple[int, ...]:
    return tuple(map(int, told.split()))


@lru_cache(4096)
def _keys(tag: str, id_hash: bytes, kind: str) -> tuple[str, str, str]:
    return session_key(tag, id_hash, kind), history_key(tag), basket_key(tag)
