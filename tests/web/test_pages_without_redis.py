"""Kept pages while Redis is dead, silent, flushed, full, read-only, reading its file, or back from an old one: they come, within budget."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable

import pytest
from aiohttp.test_utils import TestClient
from redis import Redis

from shop.app import create_app
from shop.db import Database
from shop.embedded import Postgres, Valkey
from shop.settings import Settings
from shop.web.pages import PAGES
from tests.catalog.stall import put_up_stall
from tests.conftest import Visitor
from tests.servers import ShopServer, leave
from tests.web.test_shared_pages import change, happens, pages_of

PATHS = ("/", "/products/pears", "/products/apples", "/categories/fruit", "/categories/berries", "/search?q=pears")
BUDGET_SECONDS = 3.0

Fault = Callable[[Valkey], None]


@pytest.fixture
async def own_redis(tmp_path: os.PathLike[str]) -> AsyncIterator[Valkey]:
    """A Redis of this test's own, to be hurt."""
    from pathlib import Path

    server = await asyncio.to_thread(lambda: Valkey(Path(tmp_path)).start())
    yield server
    if server.pid:
        os.kill(server.pid, signal.SIGCONT)
    await asyncio.to_thread(server.stop)


@pytest.fixture
async def guest(settings: Settings, own_redis: Valkey, db: Database) -> AsyncIterator[Visitor]:
    """A guest of the whole shop on that Redis."""
    await put_up_stall(db)
    own = settings.model_copy(update={"redis_url": own_redis.url, "cache_url": own_redis.cache_url})
    app = await asyncio.to_thread(create_app, own)
    async with ShopServer(app, port=settings.port) as server:
        await happens(lambda: app[PAGES].changes.is_listening)
        visitor: Visitor = TestClient(server)
        yield visitor
        await leave(visitor)


def forget_all(guest: Visitor) -> None:
    """As in a process that has just begun: the next page asks Redis."""
    pages = pages_of(guest)
    for key in list(pages.kept):
        pages.drop(key)


async def walk(guest: Visitor) -> dict[str, str]:
    """Every kind of page, each within budget."""
    texts = {}
    for path in PATHS:
        began = time.monotonic()
        response = await guest.get(path)
        texts[path] = await response.text()
        assert response.status == 200, path
        assert time.monotonic() - began < BUDGET_SECONDS, path
    return texts


def say(server: Valkey, *command: str) -> None:
    with Redis.from_url(server.url) as client:
        client.execute_command(*command)


def killed(server: Valkey) -> None:
    assert server.pid
    os.kill(server.pid, signal.SIGKILL)


def stopped(server: Valkey) -> None:
    assert server.pid
    os.kill(server.pid, signal.SIGSTOP)


def cannot_save(server: Valkey) -> None:
    """MISCONF: the disk takes no snapshot, so Redis takes no writes."""
    with Redis.from_url(server.url) as client:
        client.config_set("save", "3600 1")
        (server.home / "dump.rdb").mkdir()
        (server.home / "dump.rdb" / "in the way").touch()
        client.bgsave()
        for _ in range(200):
            if client.info("persistence")["rdb_last_bgsave_status"] == "err":
                return
            time.sleep(0.02)
        raise AssertionError


FAULTS: dict[str, Fault] = {
    "f_r1_killed": killed,
    "f_r2_flushed": lambda server: say(server, "FLUSHALL"),
    "f_r3_stopped": stopped,
    "f_r3_paused": lambda server: say(server, "CLIENT", "PAUSE", "5000", "ALL"),
    "f_r4_r6_full": lambda server: say(server, "CONFIG", "SET", "maxmemory", "1"),
    "f_r4_r6_read_only": lambda server: say(server, "REPLICAOF", "127.0.0.1", "1"),
    "f_r4_r6_cannot_save": cannot_save,
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
async def test_pages_come_within_budget_and_say_the_same(guest: Visitor, own_redis: Valkey, fault: Fault) -> None:
    before = await walk(guest)
    await asyncio.to_thread(fault, own_redis)
    try:
        forget_all(guest)
        assert await walk(guest) == before
        forget_all(guest)
        began = time.monotonic()
        assert await walk(guest) == before
        # nothing is waited for any more
        assert time.monotonic() - began < BUDGET_SECONDS
    finally:
        if fault is cannot_save:
            await asyncio.to_thread(say, own_redis, "CONFIG", "SET", "save", "")


async def test_f_r1_r6_pages_come_while_redis_reads_its_file(guest: Visitor, own_redis: Valkey) -> None:
    before = await walk(guest)
    await asyncio.to_thread(own_redis.stop)
    own_redis.socket.unlink(missing_ok=True)

    async def loading(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """What a real one answers to every command meanwhile."""
        while commands := (await reader.read(65_536)).count(b"*"):
            writer.write(b"-LOADING Redis is loading the dataset in memory\r\n" * commands)
        writer.close()

    async with await asyncio.start_unix_server(loading, str(own_redis.socket)):
        forget_all(guest)
        assert await walk(guest) == before


@pytest.mark.parametrize("fault", [killed, stopped], ids=["f_r1_killed", "f_r3_stopped"])
async def test_a_change_is_seen_without_redis_too(
    guest: Visitor, own_redis: Valkey, postgres: Postgres, fault: Fault
) -> None:
    assert "8.00" in (await walk(guest))["/products/pears"]
    fault(own_redis)
    await asyncio.to_thread(change, postgres)
    await asyncio.sleep(1)
    assert "7.77" in (await walk(guest))["/products/pears"]


async def test_f_r5_an_old_file_of_redis_brings_no_old_page_back(
    guest: Visitor, own_redis: Valkey, postgres: Postgres
) -> None:
    assert "8.00" in (await walk(guest))["/products/pears"]
    with Redis.from_url(own_redis.cache_url) as client:
        await happens(lambda: len(list(client.scan_iter("pages:*"))) >= 5)
        old = {key: client.get(key) for key in client.scan_iter("pages:*")}
        await asyncio.to_thread(change, postgres)
        client.flushall()
        for key, value in old.items():
            client.set(key, value)
    await happens(lambda: _says(guest, "7.77"), seconds=1.5)
    forget_all(guest)
    assert "7.77" in (await walk(guest))["/products/pears"]


async def test_f_r1_pages_are_shared_again_when_redis_is_back(guest: Visitor, own_redis: Valkey) -> None:
    await walk(guest)
    killed(own_redis)
    forget_all(guest)
    await walk(guest)
    await asyncio.to_thread(own_redis.stop)  # reaps the dead
    await asyncio.to_thread(own_redis.start)
    with Redis.from_url(own_redis.cache_url) as client:
        client.flushall()

        async def stored() -> bool:
            forget_all(guest)
            await guest.get("/products/pears")
            return bool(client.dbsize())

        await happens(stored)


async def test_r7_eviction_takes_pages_and_never_the_queue(guest: Visitor, own_redis: Valkey) -> None:
    """`volatile-lru`: what has no expiry stays, and every page has one."""
    with Redis.from_url(own_redis.url, db=2) as broker, Redis.from_url(own_redis.cache_url) as cache:
        await walk(guest)
        await happens(lambda: cache.dbsize() >= 5)
        assert all(cache.pttl(key) > 0 for key in cache.scan_iter())
        broker.rpush("celery", *(b"x" * 1000 for _ in range(100)))
        cache.config_set("maxmemory-policy", "volatile-lru")
        used = int(cache.info("memory")["used_memory"])
        cache.config_set("maxmemory", str(used + 300_000))
        for n in range(600):
            cache.set(f"pages:1:filler{n}", b"x" * 4000, ex=60)
        assert cache.info("stats")["evicted_keys"] > 100
        assert broker.llen("celery") == 100
        forget_all(guest)
        await walk(guest)


def test_r8_the_server_of_development_is_reached_by_its_owner_alone(valkey: Valkey) -> None:
    """No port, a socket for its owner, and a version without the known holes of the Lua engine."""
    with Redis.from_url(valkey.url) as client:
        assert client.config_get("port") == {"port": "0"}
        assert valkey.socket.stat().st_mode & 0o777 == 0o700
        told = client.info("server")
    # Debian mends 7.0.15 in place (7.0.15-1~deb12u10), which only its package manager knows
    name, floor = ("valkey_version", (9, 1, 2)) if "valkey_version" in told else ("redis_version", (7, 0, 15))
    assert tuple(int(part) for part in told[name].split(".")) >= floor


async def _says(guest: Visitor, words: str) -> bool:
    return words in await (await guest.get("/products/pears")).text()
