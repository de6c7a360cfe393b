"""What can be told about the products a member looked at."""

from __future__ import annotations

from shop.cache.account_keys import history_key
from shop.cache.client import RedisAway, RedisClient
from shop.catalog.queries import Card, products_by_ids
from shop.db import Connection


async def recent_ids(redis: RedisClient, tag: str) -> list[int]:
    """The product ids an account looked at, newest first, at most twenty; raises RedisAway."""
    return [int(held) for held in await redis.execute("LRANGE", history_key(tag), 0, -1)]


async def recently_viewed(
    conn: Connection, redis: RedisClient, tag: str, lang: str, limit: int, without: int | None = None
) -> list[Card]:
    """Cards of what an account looked at, newest first, `without` the product on the page; none while Redis is away."""
    try:
        ids = await recent_ids(redis, tag)
    except RedisAway:
        return []
    cards = await products_by_ids(conn, [product_id for product_id in ids if product_id != without], lang)
    return cards[:limit]
