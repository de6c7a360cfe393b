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
from tests.faults.oracle import WORDS, AtRest, broken
from tests.faults.program import Program
from tests.faults.scenes import Gate, Place, Scene
from tests.faults.scratch import Scratch, scratch_shop
from tests.faults.shopper import Shopper

SECONDS: Final = 90.0
CONNECTIONS: Final = 40
PROMISES: Final = ("I1", "I2", "I3", "I4", "I7", "I8", "I9", "I13", "I15")
OF_TASKS: Final = ("I5", "I6")
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
Found = dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is tried."""

    crowd: Mapping[Scene, int] = field(default_factory=lambda: {scene: many for scene, (_, many) in CROWD.items()})
    points: tuple[str, ...] = tuple(POINTS)
    with_tasks: bool = True
    webs: int = 2


def prove(shop: Scratch, scale: Scale, seed: int, bug: str = "") -> Found:
    """One crowd in a running scratch shop; prints what was tried and how it ended. Findings by promise, of those that were asked for."""
    shop.dismiss()
    if bug:
        shop.plant(bug)
    chosen = ("--bug", bug) if bug else ()
    if scale.with_tasks:
        shop.open_bank()
    shop.open(*[chosen] * scale.webs)
    mortals = shop.open(*(("--die-at", point) for point in scale.points), name="mortal", shares=False)
    if scale.with_tasks:
        shop.begin_tasks()
    shop.await_ready()
    return uvloop.run(_crowd(shop, dict(zip(scale.points, mortals, strict=True)), scale, seed))


async def _crowd(shop: Scratch, mortals: dict[str, Program], scale: Scale, seed: int) -> Found:
    db = await Database.open(url=shop.postgres.web_url)
    try:
        async with asyncio.timeout(SECONDS):
            await _play(shop, db, mortals, scale, seed)
        found = await _judged(shop, db, scale)
    finally:
        await db.close()
    for name, what in found.items():
        told = f"BROKEN {len(what)} times, as in {what[0]}" if what else "holds"
        print(f"  {name:<3} {WORDS[name]:<64} {told}", flush=True)
    return found


async def _judged(shop: Scratch, db: Database, scale: Scale) -> Found:
    """What a crowd can break; what mails and bank say only where a worker was there to send and to ask."""
    asked, late, unlike = list(PROMISES), list[str](), list[str]()
    if scale.with_tasks:
        rest = AtRest(shop, db)
        await rest.wait()
        late, unlike = rest.open, rest.unsettled
        asked += OF_TASKS
    found = await broken(shop, db)
    found["I3"] += unlike
    found["I6"] += late
    return {name: found[name] for name in sorted(asked, key=lambda name: int(name[1:]))}


async def _play(shop: Scratch, db: Database, mortals: dict[str, Program], scale: Scale, seed: int) -> None:
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
        shopper = Shopper(shop, nr, dice, name=f"{seed}-{nr}", session=known, connector=connector)
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


def _cast(fair: Fair, dice: random.Random, mortals: dict[str, Program], scale: Scale) -> list[Role]:
    """Who does what."""
    cast: list[Role] = []
    for scene, many in scale.crowd.items():
        cast += [(CROWD[scene][0], scene, Place(fair, dice, Gate(many)))] * many
    for point, mortal in mortals.items():
        cast.append((f"kill -9: {point}", scenes.killed, Place(fair, dice, Gate(1), mortal)))
    return cast


def _listed(counts: Counter[str] | Counter[int]) -> str:
    return ", ".join(f"{name} {count}×" for name, count in sorted(counts.items(), key=lambda item: -item[1]))


def status_of(found: Found, bug: str = "") -> int:
    """The exit status: 0 all holds, 1 broken as it had to be or without a planted bug, 3 another bug than the planted one."""
    names = [name for name, what in found.items() if what]
    if not bug:
        return int(bool(names))
    return 1 if names == [BUGS[bug].breaks] else 3


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
        status = status_of(prove(shop, Scale(), given.seed, given.bug), given.bug)
    print(
        {0: "Everything holds.", 1: "A promise is broken.", 3: "The planted bug was not found, or not alone."}[status]
    )
    return status


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
