"""One rebuild at a time, here and in other processes; the last value meanwhile; nothing older than a change is kept."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from redis.asyncio import Redis

from shop.cache import rebuilds
from shop.cache.cache import Cache
from shop.embedded import Valkey

RETRIES = 200


class Kitchen:
    """Makes dishes one by one, as slowly as told."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.made = 0

    async def cook(self) -> str:
        self.made += 1
        name = f"dish {self.made}"
        await asyncio.sleep(self.seconds)
        return name


@pytest.fixture(params=["shared connection", "redis-py client"])
async def cache(request: pytest.FixtureRequest, valkey: Valkey, clean: None) -> AsyncIterator[Cache]:
    url = valkey.cache_url
    cache = Cache(Redis.from_url(url)) if request.param == "redis-py client" else Cache.open(url)
    yield cache
    await cache.close()


@pytest.fixture
async def another(valkey: Valkey, clean: None) -> AsyncIterator[Cache]:
    """The cache as another process sees it."""
    cache = Cache.open(valkey.cache_url)
    yield cache
    await cache.close()


async def happens(what: Callable[[], Awaitable[bool]]) -> None:
    for _ in range(RETRIES):
        if await what():
            return
        await asyncio.sleep(0.02)
    raise AssertionError


async def test_made_once_and_kept(cache: Cache, another: Cache) -> None:
    kitchen = Kitchen()
    assert await cache.get_or_set("dish", kitchen.cook, 60) == "dish 1"
    assert await cache.get_or_set("dish", kitchen.cook, 60) == "dish 1"
    assert 59 < (await cache.ttl("dish") or 0) <= 60
    assert await cache.get_or_set("for ever", kitchen.cook, None) == "dish 2"
    assert await cache.ttl("for ever") is None
    assert await cache.get_or_set("never kept", kitchen.cook, 0) == "dish 3"
    assert await cache.get("never kept") is None
    assert sorted(await another.raw.execute("KEYS", "*")) == [b"cache:1:dish", b"cache:1:for ever"]  # no lock is left


async def test_nothing_is_a_value_too(cache: Cache) -> None:
    asked = 0

    async def nothing() -> None:
        nonlocal asked
        asked += 1

    assert await cache.get_or_set("key", nothing) is None
    assert await cache.get_or_set("key", nothing) is None
    assert asked == 1


async def test_twenty_who_ask_at_once_are_served_by_one_rebuild(cache: Cache, another: Cache) -> None:
    kitchen = Kitchen(0.2)
    asking = [place.get_or_set("dish", kitchen.cook) for place in (cache, another) for _ in range(10)]
    assert set(await asyncio.gather(*asking)) == {"dish 1"}
    assert kitchen.made == 1


async def test_other_processes_wait_for_one_rebuild(another: Cache, valkey: Valkey) -> None:
    program = (
        "import asyncio, sys\n"
        "from shop.cache.cache import Cache\n"
        "async def main():\n"
        "    cache = Cache.open(sys.argv[1])\n"
        "    async def make():\n"
        "        await cache.raw.execute('INCR', 'made')\n"
        "        await asyncio.sleep(0.4)\n"
        "        return 'dish'\n"
        "    print('ready', flush=True)\n"
        "    await asyncio.to_thread(sys.stdin.readline)\n"
        "    print(await cache.get_or_set('dish', make), flush=True)\n"
        "    await cache.close()\n"
        "asyncio.run(main())\n"
    )

    def start() -> subprocess.Popen[str]:
        command = [sys.executable, "-c", program, valkey.cache_url]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    children = await asyncio.to_thread(lambda: [start() for _ in range(3)])
    for child in children:
        assert child.stdout is not None
        assert await asyncio.to_thread(child.stdout.readline) == "ready\n"
    said = await asyncio.gather(*(asyncio.to_thread(child.communicate, "go\n") for child in children))
    assert [out for out, _ in said] == ["dish\n"] * 3
    assert await another.raw.execute("GET", "made") == b"1"


async def test_the_last_value_is_served_while_one_rebuilds(cache: Cache, another: Cache) -> None:
    kitchen = Kitchen()
    assert await cache.get_or_set("dish", kitchen.cook, 0.1, stale_seconds=60) == "dish 1"
    await asyncio.sleep(0.15)
    assert await cache.get("dish") is None  # expired is expired
    kitchen.seconds = 2
    began = time.monotonic()
    for place in (cache, another, cache, another):
        assert await place.get_or_set("dish", kitchen.cook, 60, stale_seconds=60) == "dish 1"
    assert time.monotonic() - began < 1.5
    await happens(lambda: _is(another, "dish", "dish 2"))
    assert kitchen.made == 2
    assert await cache.get_or_set("dish", kitchen.cook, 60, stale_seconds=60) == "dish 2"


async def test_a_last_value_has_its_end_too(cache: Cache) -> None:
    kitchen = Kitchen()
    await cache.get_or_set("dish", kitchen.cook, 0.05, stale_seconds=0.05)
    await asyncio.sleep(0.2)
    assert await cache.get_or_set("dish", kitchen.cook, 0.05, stale_seconds=0.05) == "dish 2"


@pytest.mark.parametrize("change", ["set", "delete", "clear"])
async def test_a_rebuild_overtaken_by_a_change_is_not_kept(cache: Cache, another: Cache, change: str) -> None:
    kitchen = Kitchen(0.7)
    making = asyncio.create_task(cache.get_or_set("dish", kitchen.cook, 60, stale_seconds=60))
    await happens(lambda: _has_begun(kitchen))
    if change == "set":
        await another.set("dish", "newer")
    elif change == "delete":
        await another.delete("dish")
    else:
        await another.clear()
    assert await making == "dish 1"
    assert await another.get("dish", "nothing") == ("newer" if change == "set" else "nothing")


async def test_a_rebuild_that_fails_says_so_and_holds_nobody_up(cache: Cache, another: Cache) -> None:
    async def burn() -> str:
        raise LookupError("burnt")

    kitchen = Kitchen()
    with pytest.raises(LookupError, match="burnt"):
        await cache.get_or_set("dish", burn)
    began = time.monotonic()
    assert await another.get_or_set("dish", kitchen.cook, 0.05, stale_seconds=60) == "dish 1"
    assert time.monotonic() - began < rebuilds.WAIT_SECONDS
    await asyncio.sleep(0.1)
    assert await cache.get_or_set("dish", burn, stale_seconds=60) == "dish 1"  # the last value; the failure is logged
    await asyncio.sleep(0.05)
    assert await cache.get_or_set("dish", burn, stale_seconds=60) == "dish 1"


async def test_nobody_waits_for_a_process_that_died(
    cache: Cache, valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    dying = (
        "import asyncio, os, signal, sys\n"
        "from shop.cache.cache import Cache\n"
        "async def die(): os.kill(os.getpid(), signal.SIGKILL)\n"
        "asyncio.run(Cache.open(sys.argv[1]).get_or_set('dish', die))\n"
    )
    ended = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", dying, valkey.cache_url], check=False, env={**os.environ}
    )
    assert ended.returncode == -signal.SIGKILL
    monkeypatch.setattr(rebuilds, "WAIT_SECONDS", 0.2)
    kitchen = Kitchen()
    began = time.monotonic()
    assert await cache.get_or_set("dish", kitchen.cook) == "dish 1"
    assert 0.2 <= time.monotonic() - began < 5


async def test_a_visitor_who_leaves_does_not_take_the_value_away(cache: Cache) -> None:
    kitchen = Kitchen(0.2)
    leaving = asyncio.create_task(cache.get_or_set("dish", kitchen.cook))
    await happens(lambda: _has_begun(kitchen))
    staying = asyncio.create_task(cache.get_or_set("dish", kitchen.cook))
    await asyncio.sleep(0.02)
    leaving.cancel()
    assert await staying == "dish 1"
    assert await cache.get("dish") == "dish 1"
    assert kitchen.made == 1


async def test_an_unreadable_value_is_made_anew(cache: Cache, another: Cache) -> None:
    kitchen = Kitchen()
    await another.raw.execute("SET", "cache:1:dish", b"=\xc1")
    assert await cache.get_or_set("dish", kitchen.cook) == "dish 1"
    assert await cache.get_or_set("dish", kitchen.cook) == "dish 2"
    assert await cache.get_or_set("dish", kitchen.cook) == "dish 2"


async def _is(cache: Cache, key: str, value: str) -> bool:
    return bool(await cache.get(key) == value)


async def _has_begun(kitchen: Kitchen) -> bool:
    return kitchen.made == 1
