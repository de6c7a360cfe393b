"""The header's count: a short-lived copy in Redis of what PostgreSQL knows, set after commit and reread when missing."""

import contextlib
from typing import Final

from shop.cache.account_keys import basket_key
from shop.cache.client import RedisAway, RedisClient
from shop.cart.queries import Owner, count_of
from shop.db import Connection, Database

SECONDS: Final = 300


def key_of(owner: Owner, tag: str) -> str:
    """Where the copy lies: beside a member's session (by the account's tag), else under the hash of the guest's cookie."""
    return basket_key(tag or f"g-{(owner.cookie_hash or b'').hex()[:32]}")


async def keep_count(conn: Connection, redis: RedisClient, owner: Owner, tag: str) -> int:
    """The count as this transaction leaves it, copied once it is committed."""
    count = await count_of(conn, owner)

    async def copy() -> None:
        await _copy(redis, owner, tag, count)

    conn.on_commit(copy)
    return count


async def known_count(db: Database, redis: RedisClient, owner: Owner, tag: str) -> int:
    """The count from the copy, else from PostgreSQL; raises DbError when neither can tell."""
    with contextlib.suppress(RedisAway):
        held = await redis.execute("GET", key_of(owner, tag))
        if held is not None:
            return int(held)
    async with db.read() as conn:
        count = await count_of(conn, owner)
    # NX: whoever changed the basket since we read it has told its count already.
    await _copy(redis, owner, tag, count, "NX")
    return count


async def _copy(redis: RedisClient, owner: Owner, tag: str, count: int, *how: str) -> None:
    with contextlib.suppress(RedisAway):
        await redis.execute("SET", key_of(owner, tag), count, "EX", SECONDS, *how)


async def forget_count(redis: RedisClient, owner: Owner, tag: str) -> None:
    """Lets the next page read the count again."""
    with contextlib.suppress(RedisAway):
        await redis.execute("DEL", key_of(owner, tag))
