"""Keeping the list. What a member looks at is noted by the page itself, in the one trip it makes (shop.web.session_copies)."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Final

from shop.accounts.models import Account
from shop.accounts.personal_data.models import Chapter
from shop.cache.account_keys import HISTORY_LENGTH, NOTE_LUA, history_key
from shop.cache.client import RedisAway, RedisClient, Script
from shop.db import Connection
from shop.history.queries import recent_ids

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


def personal_chapter(redis: RedisClient) -> Chapter:
    """What this feature knows about a person: the list, told by product number; none while Redis is away."""

    async def tell(conn: Connection, account: Account) -> list[int]:
        try:
            return await recent_ids(redis, account.tag)
        except RedisAway:
            return []

    async def forget(conn: Connection, account: Account) -> None:
        async def cleared() -> None:
            with contextlib.suppress(RedisAway):  # the list ends by itself, and its tag is gone
                await clear(redis, account.tag)

        conn.on_commit(cleared)

    return Chapter("recently_viewed", tell, forget)
