"""What can be told about the products a member looked at."""

from __future__ import annotations

from shop.cache.account_keys import history_key
from shop.cache.client import RedisClient


async def recent_ids(redis: RedisClient, tag: str) -> list[int]:
    """The product ids an account looked at, newest first, at most twenty; raises RedisAway."""
    return [int(held) for held in await redis.execute("LRANGE", history_key(tag), 0, -1)]
