"""Fires crowds at a whole scratch shop, kills it here and there, and asks whether what was promised holds.

`make prove`, `run.py prove` or `python -m tests.faults.prove`; with the name of a bug it is planted first, and has to be found.
Ends with 0 when everything holds, 1 when a promise is broken (by the planted bug, where one was named), 3 when a planted bug
was not found or broke something else, 2 for a name that is none.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import secrets
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import aiohttp
import uvloop

from shop.db import Database
from tests.faults import scenes
from tests.faults.bugs import BUGS
from tests.faults.fair import Fair
from tests.faults.kills import POINTS
from tests.faults.scenes import Gate, Place, Scene
from tests.faults.scratch import Process, Scratch, scratch_shop
from tests.faults.shopper import Shopper
from tests.faults.verdicts import Verdict, judge

SECONDS: Final = 90.0
CONNECTIONS: Final = 40
# What is tried, and by how many.
CROWD: Final[dict[Scene, tuple[str, int]]] = {
    scenes.mixed_baskets: ("mixed baskets, from either end", 70),
    scenes.double_click: ("double clicks on two processes", 40),
    scenes.vanishing: ("gone in the middle of ordering", 40),
    scenes.cancelling: ("cancellations, twice at once", 36),
    scenes.couponed: ("a coupon for a few", 30),
    scenes.last_window: ("the last delivery time", 30),
    scenes.flash_sale: ("a flash sale", 44),
    scenes.registering: ("new customers", 12),
    scenes.told_fifty_times: ("paid, the notice 50 times", 10),
    scenes.paid_twice: ("paid twice by mistake", 6),
    scenes.unheard: ("paid, the notice lost", 6),
    scenes.declined: ("declined by the bank", 4),
    scenes.too_late: ("paid after cancelling", 6),
}

Role = tuple[str, Scene, Place]


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is tried."""

    crowd: Mapping[Scene, int] = field(default_factory=lambda: {scene: many for scene, (_, many) in CROWD.items()})
    points: tuple[str, ...] = tuple(POINTS)
    with_tasks: bool = True
    webs: int = 2


def prove(shop: Scratch, scale: Scale, seed: int, bug: str = "") -> list[Verdict]:
    """One crowd in a running scratch shop; prints what was tried and how it ended."""
    if bug:
        shop.plant(bug)
    chosen = ("--bug", bug) if bug else ()
    if scale.with_tasks:
        shop.open_bank()
    opened = shop.open(*[chosen] * scale.webs, *(("--die-at", point) for point in scale.points))
    if scale.with_tasks:
        shop.begin_tasks()
    return uvloop.run(
        _crowd(shop, opened[: scale.webs], dict(zip(scale.points, opened[scale.webs :], strict=True)), scale, seed)
    )


async def _crowd(
    shop: Scratch, webs: list[Process], mortals: dict[str, Process], scale: Scale, seed: int
) -> list[Verdict]:
    db = await Database.open(url=shop.postgres.web_url)
    try:
        async with asyncio.timeout(SECONDS):
            await _play(shop, db, webs, mortals, scale, seed)
        verdicts = await judge(shop, db, shop.journal, with_tasks=scale.with_tasks)
    finally:
        await db.close()
    print("\n".join(f"  {verdict}" for verdict in verdicts), flush=True)
    return verdicts


async def _play(
    shop: Scratch, db: Database, webs: list[Process], mortals: dict[str, Process], scale: Scale, seed: int
) -> None:
    """Everybody at once; prints how it went for them."""
    dice, began = random.Random(seed), time.monotonic()
    fair = await Fair.open(db, sum(scale.crowd.values()))
    cast = _cast(fair, dice, mortals, scale)
    dice.shuffle(cast)
    sessions = await fair.members(f"{seed}-{nr}" for nr in range(len(cast)))
    ends: dict[str, Counter[str]] = {}

    async def play(nr: int, session: str, role: Role) -> None:
        name, scene, place = role
        known = "" if scene is scenes.registering or (scene in scenes.ONLINE and nr % 2) else session
        shopper = Shopper(f"{seed}-{nr}", nr, webs, shop, connector, known)
        try:
            ends.setdefault(name, Counter())[await scene(shopper, place)] += 1
        finally:
            await shopper.leave()

    async with aiohttp.TCPConnector(limit=CONNECTIONS) as connector:
        await asyncio.gather(*(play(nr, sessions[nr], role) for nr, role in enumerate(cast)))
    answers = _listed(shop.journal.statuses)
    print(f'{len(cast)} shoppers in {time.monotonic() - began:.0f} s; "Order" was answered {answers}')
    for name in sorted(ends):
        print(f"  {name:<34} {_listed(ends[name])}")


def _cast(fair: Fair, dice: random.Random, mortals: dict[str, Process], scale: Scale) -> list[Role]:
    """Who does what."""
    cast: list[Role] = []
    for scene, many in scale.crowd.items():
        cast += [(CROWD[scene][0], scene, Place(fair, dice, Gate(many)))] * many
    for point, mortal in mortals.items():
        cast.append((f"kill -9: {point}", scenes.killed, Place(fair, dice, Gate(1), mortal)))
    return cast


def _listed(counts: Counter[str] | Counter[int]) -> str:
    return ", ".join(f"{name} {count}×" for name, count in sorted(counts.items(), key=lambda item: -item[1]))


def found(verdicts: list[Verdict], bug: str = "") -> int:
    """The exit status: 0 all holds, 1 broken as it had to be or without a planted bug, 3 another bug than the planted one."""
    broken = [verdict.name for verdict in verdicts if not verdict.holds]
    if not bug:
        return int(bool(broken))
    return 1 if broken == [BUGS[bug].breaks] else 3


def main(words: list[str]) -> int:
    """Prove, and say how it went."""
    parser = argparse.ArgumentParser(prog="prove", description=__doc__.partition("\n")[0])
    parser.add_argument("bug", nargs="?", default="", help=f"plant one of {', '.join(BUGS)}")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    given = parser.parse_args(words)
    if given.bug and given.bug not in BUGS:
        print(f"There is no bug called {given.bug}; there are {', '.join(BUGS)}.", file=sys.stderr)
        return 2
    planted = f", with the planted bug {given.bug}, which breaks {BUGS[given.bug].breaks}" if given.bug else ""
    print(f"Proving with seed {given.seed}{planted}", flush=True)
    with scratch_shop() as shop:
        status = found(prove(shop, Scale(), given.seed, given.bug), given.bug)
    print(
        {0: "Everything holds.", 1: "A promise is broken.", 3: "The planted bug was not found, or not alone."}[status]
    )
    return status


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
