"""Web processes are killed, hang, lose their memory, start again, get other keys, another time."""

from __future__ import annotations

import asyncio
import base64
import os
import random
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

from tests.faults.cell import Inject
from tests.faults.crowd import Crowd
from tests.faults.inject.postgres import start
from tests.faults.program import Program
from tests.faults.scratch import Scratch
from tests.faults.servers import NotHere

START_SECONDS = 120.0
STOP_SECONDS = 15.0  # as the unit has it
HANG_SECONDS = 20.0
OOM_SECONDS = 30.0
MORE_MEMORY = 12 * 1024**2  # bytes beyond what it holds: less than one password takes
# A control group of memory, by the older and the newer kind.
GROUPS = ((Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes"), (Path("/sys/fs/cgroup"), "memory.max"))


async def ready(shop: Scratch, seconds: float = START_SECONDS) -> None:
    """Wait until every web process has said that it serves."""
    end = time.monotonic() + seconds
    while any(not program.is_ready for program in shop.of("web")):
        assert time.monotonic() < end, shop.logs()[-3000:]
        await asyncio.sleep(0.05)


async def restarted(program: Program) -> None:
    """As `systemctl restart` does it: told to stop, waited for, started again on the same sockets; the next only when this one is ready."""
    program.is_wanted = False
    program.signal(signal.SIGTERM)
    end = time.monotonic() + STOP_SECONDS
    while program.pid is not None:
        if time.monotonic() > end:
            program.signal(signal.SIGKILL)
        await asyncio.sleep(0.02)
    program.is_wanted = True
    program.start()
    end = time.monotonic() + START_SECONDS
    while program.listeners and not program.is_ready and time.monotonic() < end:
        await asyncio.sleep(0.02)


@asynccontextmanager
async def killed(shop: Scratch, _crowd: Crowd, chance: random.Random) -> AsyncIterator[None]:
    """Three times in the middle of somebody's checkout, most likely."""
    for _ in range(3):
        chance.choice(shop.of("web")).signal(signal.SIGKILL)
        await asyncio.sleep(chance.uniform(1.0, 2.0))
    yield
    await ready(shop)


@asynccontextmanager
async def hangs(shop: Scratch, _crowd: Crowd, chance: random.Random) -> AsyncIterator[None]:
    """Its loop stands still until the watchdog has had enough."""
    hung = chance.choice(shop.of("web"))
    deaths = hung.deaths
    hung.signal(signal.SIGSTOP)
    end = time.monotonic() + HANG_SECONDS
    while hung.deaths == deaths and time.monotonic() < end:
        await asyncio.sleep(0.1)
    yield


@asynccontextmanager
async def out_of_memory(shop: Scratch, crowd: Crowd, chance: random.Random) -> AsyncIterator[None]:
    """One process may take hardly more than it has, as `MemoryMax=` says it; the kernel kills it when people register."""
    victim = chance.choice(shop.of("web"))
    deaths = victim.deaths
    with little_memory(victim):
        end = time.monotonic() + OOM_SECONDS
        newcomer = crowd.shopper(951, chance)
        while victim.deaths == deaths and time.monotonic() < end:
            await newcomer.register()
            await newcomer.arrive_anew()
        await newcomer.leave()
        assert victim.deaths > deaths, "it was never out of memory"
    yield
    await ready(shop)


@contextmanager
def little_memory(program: Program) -> Iterator[None]:
    """A control group for the process that lives; what it held is charged elsewhere. Raises NotHere."""
    group = _group(str(program.pid))
    try:
        yield
    finally:
        if program.pid is not None:
            with suppress(OSError):
                (group.parent / "cgroup.procs").write_text(str(program.pid))
        with suppress(OSError):
            group.rmdir()


def _group(pid: str) -> Path:
    for root, limit in GROUPS:
        group = root / f"bayberry-faults-{os.getpid()}"
        try:
            group.mkdir()
        except OSError:
            continue
        try:
            (group / limit).write_text(str(MORE_MEMORY))
            (group / "cgroup.procs").write_text(pid)
            return group
        except OSError:
            group.rmdir()
    raise NotHere("no control group of memory can be made here")


def rolling_restart(times: int) -> Inject:
    """All web processes, one after another."""

    @asynccontextmanager
    async def inject(shop: Scratch, _crowd: Crowd, _chance: random.Random) -> AsyncIterator[None]:
        for _ in range(times):
            for web in shop.of("web"):
                await restarted(web)
        yield

    return inject


@asynccontextmanager
async def keys_rotated(shop: Scratch, _crowd: Crowd, chance: random.Random) -> AsyncIterator[None]:
    """New rings, process by process: first a new key in front of the old one, then without the old."""
    old = shop.environ["SHOP_SECRET_KEYS"]
    new = base64.b64encode(chance.randbytes(32)).decode()
    for ring in (f"{new},{old}", new):
        shop.environ["SHOP_SECRET_KEYS"] = ring  # all programs share this environment
        webs = shop.of("web")
        others = [program for program in [*shop.programs, shop.bank] if program and program not in webs]
        await asyncio.gather(*map(restarted, others))
        for web in webs:
            await restarted(web)
    yield


def wrong_clock(seconds: int) -> Inject:
    """One of two web processes is so many seconds ahead."""

    @asynccontextmanager
    async def inject(shop: Scratch, _crowd: Crowd, _chance: random.Random) -> AsyncIterator[None]:
        web = shop.of("web")[1]
        right = web.command
        lie = f"import time, runpy, sys; now = time.time; time.time = lambda: now() + {seconds}; sys.argv = ['web']; "
        web.command = [sys.executable, "-c", f"{lie}runpy.run_module('tests.faults.web', run_name='__main__')"]
        await restarted(web)
        yield
        web.command = right
        await restarted(web)

    return inject


@asynccontextmanager
async def everything_killed(shop: Scratch, _crowd: Crowd, _chance: random.Random) -> AsyncIterator[None]:
    """The power is cut, and comes back; the bank is elsewhere."""
    for program in shop.programs:
        program.signal(signal.SIGKILL)
    await asyncio.to_thread(shop.signal_postgres, signal.SIGKILL)
    shop.redis.kill()
    shop.broker.kill()
    await asyncio.to_thread(start, shop)
    await asyncio.to_thread(shop.redis.start)
    await asyncio.to_thread(shop.broker.start)
    yield
    await ready(shop)
