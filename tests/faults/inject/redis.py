"""Redis is killed, flushed, silent, full, read-only, back with an old file."""

from __future__ import annotations

import asyncio
import random
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.faults.crowd import Crowd
from tests.faults.scratch import Scratch


@asynccontextmanager
async def redis_killed(shop: Scratch, _crowd: Crowd, _chance: random.Random) -> AsyncIterator[None]:
    """Sessions, baskets' counts, history and copies of pages."""
    shop.redis.kill()
    yield
    await asyncio.to_thread(shop.redis.start)


@asynccontextmanager
async def flushed(shop: Scratch, _crowd: Crowd, _chance: random.Random) -> AsyncIterator[None]:
    """Everything in both servers is forgotten."""
    shop.redis.redis.flushall()
    shop.broker.redis.flushall()
    yield


@asynccontextmanager
async def silent(shop: Scratch, _crowd: Crowd, _chance: random.Random) -> AsyncIterator[None]:
    """It accepts connections and says nothing."""
    shop.redis.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        shop.redis.signal(signal.SIGCONT)


@asynccontextmanager
async def paused(shop: Scratch, _crowd: Crowd, _chance: random.Random) -> AsyncIterator[None]:
    """Its event loop turns, and no command is answered for five seconds."""
    shop.redis.say("CLIENT", "PAUSE", "5000", "ALL")
    yield


@asynccontextmanager
async def out_of_memory(shop: Scratch, _crowd: Crowd, _chance: random.Random) -> AsyncIterator[None]:
    """Reads work, writes are refused."""
    shop.redis.redis.config_set("maxmemory", "1mb")
    yield
    shop.redis.redis.config_set("maxmemory", "0")


@asynccontextmanager
async def read_only(shop: Scratch, _crowd: Crowd, _chance: random.Random) -> AsyncIterator[None]:
    """A replica of nobody."""
    shop.redis.say("REPLICAOF", "127.0.0.1", "1")
    yield
    shop.redis.say("REPLICAOF", "NO", "ONE")


@asynccontextmanager
async def back_with_its_old_file(shop: Scratch, _crowd: Crowd, _chance: random.Random) -> AsyncIterator[None]:
    """A copy of the file from before somebody signed out comes back."""
    lives, old = shop.redis.home / "appendonlydir", shop.folder / "old-aof"
    shutil.rmtree(old, ignore_errors=True)
    shutil.copytree(lives, old)
    yield
    shop.redis.kill()
    shutil.rmtree(lives)
    shutil.copytree(old, lives)
    await asyncio.to_thread(shop.redis.start)
