"""What a member looked at: newest first, each product once, never more than twenty, whatever happens."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator

import pytest

from shop.cache.account_keys import HISTORY_LENGTH, HISTORY_SECONDS, history_key
from shop.cache.client import RedisAway, RedisClient
from shop.history import service
from shop.history.queries import recent_ids

LILY, TOM = "a" * 32, "b" * 32


@pytest.fixture
async def redis(redis_url: str, clean: None) -> AsyncIterator[RedisClient]:
    client = RedisClient.open(redis_url)
    yield client
    await client.close()


async def test_the_latest_comes_first_and_nothing_twice(redis: RedisClient) -> None:
    for product in (3, 5, 3, 7):
        await service.remember(redis, LILY, [product])
    assert await recent_ids(redis, LILY) == [7, 3, 5]
    assert await recent_ids(redis, TOM) == []


async def test_r9_s27_any_course_of_events_agrees_with_a_plain_list(redis: RedisClient) -> None:
    """A thousand views, repeats, take-overs and clearings against a list in Python; ≤ 5 kB an account."""
    chance = random.Random(9)
    model: list[int] = []
    for _ in range(1_000):
        if chance.random() < 0.01:
            await service.clear(redis, LILY)
            model = []
            continue
        seen = [chance.randrange(1, 40) for _ in range(chance.choice((1, 1, 1, 5, 25)))]
        await service.remember(redis, LILY, seen)
        kept = list(dict.fromkeys(seen[:HISTORY_LENGTH]))
        model = (kept + [product for product in model if product not in kept])[:HISTORY_LENGTH]
        assert await recent_ids(redis, LILY) == model
    await service.remember(redis, LILY, list(range(10**15, 10**15 + 20)))
    assert await redis.execute("MEMORY", "USAGE", history_key(LILY)) < 5_000
    assert 0 < await redis.execute("TTL", history_key(LILY)) <= HISTORY_SECONDS


async def test_many_pages_at_once_leave_a_sound_list(redis: RedisClient) -> None:
    await asyncio.gather(*(service.remember(redis, LILY, [n % 30]) for n in range(300)))
    ids = await recent_ids(redis, LILY)
    assert len(ids) == len(set(ids)) == HISTORY_LENGTH


async def test_nothing_to_take_over_asks_nobody(redis_url: str) -> None:
    closed = RedisClient.open(redis_url)
    await closed.close()
    await service.remember(closed, LILY, [])


async def test_f_r1_without_redis_the_list_says_so(redis_url: str) -> None:
    closed = RedisClient.open(redis_url)
    await closed.close()
    with pytest.raises(RedisAway):
        await recent_ids(closed, LILY)
