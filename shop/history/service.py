"""Keeping the list. What a member looks at is noted by the page itself, in the one trip it makes (shop.web.session_copies)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from shop.cache.account_keys import HISTORY_LENGTH, NOTE_LUA, history_key
from shop.cache.client import RedisClient, Script

_REMEMBER: Final = Script(
    NOTE_LUA + "for _, product in ipairs(ARGV) do note(KEYS[1], product) end",
    idempotent=True,
)


async def remember(redis: RedisClient, tag: str, ids: Sequence[int]) -> None:
    """Put products, newest first, in front of what the account looked at before; raises RedisAway."""
    if ids:
        await redis.run(_REMEMBER, (history_key(tag),), tuple(reversed(ids[:HISTORY_LENGTH])))


async def clear(redis: RedisClient, tag: str) -> None:
    """Forget everything an account looked at; raises RedisAway."""
    await redis.execute("DEL", history_key(tag))
