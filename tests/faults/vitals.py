"""What a machine tells of the shop's processes: open files, memory, connections, and how much of it was at something else."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg2

from shop.db.migrations.roles import WEB
from tests.faults.scratch import Scratch

POOLS: Final = 48  # all that two web processes, two workers and two relays may keep open, listeners included
CALM_SECONDS: Final = 60.0
FILES: Final = 12
HASHES_MB: Final = 80.0  # what password hashes at work leave to the allocator, in two processes
TICKS: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Vitals:
    """Of all web processes together: open files, resident memory in MB, PostgreSQL connections of the shop."""

    files: int
    memory: float
    connections: int


def vitals(shop: Scratch) -> Vitals:
    """As they are now."""
    files, memory, connections = 0, 0.0, 0
    for pid in filter(None, (program.pid for program in shop.of("web"))):
        with suppress(OSError):
            files += len(os.listdir(f"/proc/{pid}/fd"))
            memory += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    with suppress(psycopg2.Error):
        connections = shop.say("SELECT count(*) FROM pg_stat_activity WHERE usename = %s", (WEB,))[0][0]
    return Vitals(files, memory, connections)


async def calmed_down(shop: Scratch, before: Vitals) -> list[str]:
    """I14: files and memory are back within a tenth (and a little) of what they were, connections within the pools, in a minute."""
    end = time.monotonic() + CALM_SECONDS
    while True:
        now = await asyncio.to_thread(vitals, shop)
        is_calm = now.files <= before.files * 1.1 + FILES and now.memory <= before.memory * 1.1 + HASHES_MB
        if is_calm and now.connections <= POOLS:
            return []
        if time.monotonic() > end:
            return [f"{before} became {now}"]
        await asyncio.sleep(0.5)


class Stopwatch:
    """How much of the machine's processors others had since it was started: 0.0 on a quiet machine, 1.0 when all was theirs."""

    def __init__(self) -> None:
        self._began, self._ours, self._all = time.monotonic(), ours(), busy()

    @property
    def others(self) -> float:
        """Their share of all processors."""
        passed = (time.monotonic() - self._began) * (os.cpu_count() or 1)
        return min(1.0, max(0.0, (busy() - self._all) - (ours() - self._ours)) / max(passed, 0.01))


def busy() -> float:
    """Seconds in which processors worked, for anybody."""
    spent = [int(number) for number in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    user, nice, system, _idle, _wait, irq, soft, steal = spent
    return (user + nice + system + irq + soft + steal) / TICKS


def ours() -> float:
    """Seconds of this process, of all below it, and of those that have ended there."""
    below: dict[int, list[int]] = {}
    spent: dict[int, float] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            said = path.read_text().rpartition(")")[2].split()
            pid = int(path.parent.name)
            below.setdefault(int(said[1]), []).append(pid)
            spent[pid] = sum(map(int, said[11:15])) / TICKS
    total, left = 0.0, [os.getpid()]
    while left:
        pid = left.pop()
        total += spent.get(pid, 0.0)
        left += below.get(pid, [])
    return total
