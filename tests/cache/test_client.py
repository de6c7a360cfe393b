"""Redis through the one shared connection: right replies, budgets that hold, a breaker, and errors callers can live with."""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.exceptions import ResponseError

from shop.cache import link
from shop.cache.client import QUEUE, RedisAway, RedisClient, Script
from shop.embedded import Valkey
from tests.cache.proxy import Proxy


@pytest.fixture
async def redis(redis_url: str, clean: None) -> AsyncIterator[RedisClient]:
    client = RedisClient.open(redis_url)
    yield client
    await client.close()


@pytest.fixture
async def proxy(redis_url: str, tmp_path: Path) -> AsyncIterator[Proxy]:
    async with Proxy(redis_url, tmp_path / "redis.sock") as proxy:
        yield proxy


@pytest.fixture
async def behind(proxy: Proxy, clean: None) -> AsyncIterator[RedisClient]:
    """A client that reaches Redis through the proxy."""
    client = RedisClient.open(proxy.url)
    yield client
    await client.close()


async def is_back(client: RedisClient) -> float:
    """Seconds until Redis answers again."""
    began = time.monotonic()
    while not await client.ping():
        assert time.monotonic() - began < 5
        await asyncio.sleep(0.02)
    return time.monotonic() - began


async def test_commands_come_back_undecoded(redis: RedisClient) -> None:
    assert await redis.execute("SET", "name", "白菜") == b"OK"
    assert await redis.execute("GET", "name") == "白菜".encode()
    assert await redis.execute("GET", "nothing") is None
    assert await redis.execute("INCRBY", "n", 41) == 41
    assert await redis.execute("INCRBYFLOAT", "n", 0.5) == b"41.5"
    assert await redis.execute("RPUSH", "list", "a", b"\x00\xff") == 2
    assert await redis.execute("LRANGE", "list", 0, -1) == [b"a", b"\x00\xff"]


async def test_many_callers_share_one_connection_and_one_write(redis: RedisClient, proxy: Proxy) -> None:
    client = RedisClient.open(proxy.url)
    try:
        await client.execute("PING")
        before = proxy.reads
        await asyncio.gather(*(client.execute("SET", f"k{n}", n) for n in range(64)))
        assert proxy.connections == 1
        assert proxy.reads - before == 1
        assert await client.execute("GET", "k63") == b"63"
    finally:
        await client.close()


async def test_a_wrong_command_hurts_only_its_caller(redis: RedisClient) -> None:
    await redis.execute("SET", "text", "x")
    results = await asyncio.gather(
        redis.execute("GET", "text"),
        redis.execute("LRANGE", "text", 0, 1),
        redis.execute("GET", "text"),
        return_exceptions=True,
    )
    assert results[0] == results[2] == b"x"
    assert isinstance(results[1], ResponseError)
    assert not isinstance(results[1], RedisAway)


async def test_a_script_is_sent_once_and_survives_a_flush_of_scripts(redis: RedisClient) -> None:
    script = Script("return {KEYS[1], ARGV[1], redis.call('INCR', KEYS[1])}")
    assert await redis.run(script, ["counter"], ["a"]) == [b"counter", b"a", 1]
    assert await redis.execute("SCRIPT", "EXISTS", script.fingerprint) == [1]
    await redis.execute("SCRIPT", "FLUSH")
    assert await redis.run(script, ["counter"], [7]) == [b"counter", b"7", 2]


async def test_r1_a_cancelled_caller_never_shifts_the_replies(
    behind: RedisClient, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CVE-2023-28858: 1,000 random cancellations behind a delaying proxy; every reply is that of its own key."""
    monkeypatch.setattr(link, "REPLY_SECONDS", 5.0)  # a late reply of a loaded machine is not the subject
    await asyncio.gather(*(behind.execute("SET", f"key{n}", f"value{n}") for n in range(50)))
    chance = random.Random(4)
    proxy.delay = 0.01
    cancelled = right = 0

    async def ask(n: int) -> None:
        nonlocal right
        assert await behind.execute("GET", f"key{n}") == f"value{n}".encode()
        right += 1

    while cancelled < 1_000:
        tasks = [asyncio.create_task(ask(chance.randrange(50))) for _ in range(20)]
        for task in chance.sample(tasks, 10):
            await asyncio.sleep(chance.random() * 0.0005)
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        cancelled += sum(isinstance(result, asyncio.CancelledError) for result in results)
        assert [r for r in results if r is not None and not isinstance(r, asyncio.CancelledError)] == []
    assert right >= 1_000
    assert proxy.connections == 1


async def test_r2_the_row_is_bounded(behind: RedisClient, proxy: Proxy) -> None:
    await behind.execute("PING")
    proxy.silent = True
    tasks = [asyncio.create_task(behind.execute("GET", "k")) for _ in range(QUEUE)]
    await asyncio.sleep(0)
    began = time.monotonic()
    with pytest.raises(RedisAway):
        await behind.execute("GET", "k")
    assert time.monotonic() - began < 0.25  # less than those wait who are in the row
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert {type(result) for result in results} == {RedisAway}


async def seconds_to_refuse(redis: RedisClient) -> float:
    began = time.monotonic()
    with pytest.raises(RedisAway):
        await redis.execute("GET", "k")
    return time.monotonic() - began


async def test_f_r3_a_silent_redis_costs_its_budget_once_and_then_nothing(behind: RedisClient, proxy: Proxy) -> None:
    await behind.execute("SET", "k", "v")
    proxy.silent = True
    began = time.monotonic()
    results = await asyncio.gather(*(behind.execute("GET", "k") for _ in range(5)), return_exceptions=True)
    waited = time.monotonic() - began
    assert {type(result) for result in results} == {RedisAway}
    assert 0.28 < waited < 1.2
    assert min([await seconds_to_refuse(behind) for _ in range(5)]) < 0.02
    proxy.silent = False
    assert await is_back(behind) < 1.8
    assert await behind.execute("GET", "k") == b"v"


async def test_f_r3_a_paused_redis_is_left_alone_until_it_answers(redis: RedisClient, redis_url: str) -> None:
    await redis.execute("SET", "k", "v")
    await redis.execute("CLIENT", "PAUSE", 1000, "ALL")
    began = time.monotonic()
    results = await asyncio.gather(*(redis.execute("GET", "k") for _ in range(8)), return_exceptions=True)
    assert {type(result) for result in results} == {RedisAway}
    assert time.monotonic() - began < 2  # one after the other they would take 2.4
    assert await is_back(redis) < 3
    assert await redis.execute("GET", "k") == b"v"


async def test_a_single_failure_does_not_open_the_breaker(behind: RedisClient, proxy: Proxy) -> None:
    await behind.execute("SET", "k", "v")
    proxy.silent = True
    with pytest.raises(RedisAway):
        await behind.execute("INCR", "n")
    proxy.silent = False
    assert await behind.execute("GET", "k") == b"v"


async def test_a_connection_lost_while_idle_is_not_noticed(behind: RedisClient, proxy: Proxy) -> None:
    await behind.execute("SET", "k", "v")
    proxy.cut()
    await asyncio.sleep(0.01)
    assert await behind.execute("INCR", "n") == 1
    assert proxy.connections == 2


async def test_only_what_can_be_repeated_is_repeated_when_the_connection_breaks(
    behind: RedisClient, proxy: Proxy
) -> None:
    await behind.execute("SET", "k", "v")
    proxy.silent = True
    reading = asyncio.create_task(behind.execute("GET", "k"))
    counting = asyncio.create_task(behind.execute("INCR", "n"))
    await asyncio.sleep(0.05)
    proxy.silent = False
    proxy.cut()
    assert await reading == b"v"
    with pytest.raises(RedisAway):
        await counting
    assert await behind.execute("GET", "n") is None


async def test_f_r1_a_killed_redis_is_refused_at_once_and_found_again(tmp_path: Path) -> None:
    first = await asyncio.to_thread(lambda: Valkey(tmp_path).start())
    client = RedisClient.open(first.url)
    try:
        await client.execute("SET", "k", "v")
        await asyncio.to_thread(first.stop)
        waits = [await seconds_to_refuse(client) for _ in range(6)]
        assert statistics.median(waits) < 0.25
        assert max(waits) < 2
        second = await asyncio.to_thread(lambda: Valkey(tmp_path).start())
        try:
            assert await is_back(client) < 3
        finally:
            await client.close()
            await asyncio.to_thread(second.stop)
    finally:
        await client.close()


@pytest.mark.parametrize(
    ("fault", "cure"),
    [
        (("CONFIG", "SET", "maxmemory", 1), ("CONFIG", "SET", "maxmemory", 0)),
        (("REPLICAOF", "127.0.0.1", 1), ("REPLICAOF", "NO", "ONE")),
    ],
)
async def test_r6_f_r4_a_full_or_read_only_redis_reads_and_refuses_writes(
    redis: RedisClient, fault: tuple[str, ...], cure: tuple[str, ...]
) -> None:
    await redis.execute("SET", "k", "v")
    await redis.execute(*fault)
    try:
        for _ in range(8):
            with pytest.raises(RedisAway):
                await redis.execute("SET", "k", "w")
        assert await redis.execute("GET", "k") == b"v"
    finally:
        await redis.execute(*cure)
    assert await redis.execute("SET", "k", "w") == b"OK"


async def test_a_closed_client_tells_its_callers(redis: RedisClient) -> None:
    waiting = asyncio.create_task(redis.execute("GET", "k"))
    await asyncio.sleep(0)
    await redis.close()
    with pytest.raises(RedisAway):
        await waiting
    with pytest.raises(RedisAway):
        await redis.execute("GET", "k")


def test_a_url_that_is_no_redis_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="scheme"):
        RedisClient.open("http://localhost:6379")
