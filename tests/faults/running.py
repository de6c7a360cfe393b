"""One cell after another: people shop, something breaks, the clock runs until all is well, and every promise is asked for."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from shop.db import Database
from tests.faults import oracle
from tests.faults.cell import Cell
from tests.faults.crowd import Crowd
from tests.faults.fair import Fair, member
from tests.faults.journal import Journal
from tests.faults.report import Row
from tests.faults.scratch import Scratch
from tests.faults.servers import NotHere
from tests.faults.vitals import Stopwatch, Vitals, calmed_down, vitals

WARM_UP_SECONDS: Final = 6.0
WARM_SECONDS: Final = 1.0
QUIET_SECONDS: Final = 1.5
RECOVERY_SECONDS: Final = 90.0
PROCESSES: Final = 2
SIGN_INS: Final = 5
LOOKER: Final = 950


@dataclass
class Run:
    """A shop, its people, and how it was when all was well."""

    shop: Scratch
    crowd: Crowd
    before: Vitals
    seed: int

    async def row(self, cell: Cell) -> Row:
        """What came of a cell; one that was only late has a second try, for a machine may be busy for a moment."""
        row = await self._tried(cell)
        if row.lateness and not row.is_broken and not row.left_out:
            row = await self._tried(cell)
            row.tries = 2
        return row

    async def _tried(self, cell: Cell) -> Row:
        began, watch = time.monotonic(), Stopwatch()
        row = Row(cell)
        try:
            await self._load(cell, row)
            await self._ask(cell, row)
        except NotHere as problem:
            row.left_out = str(problem)
            await self.crowd.rest()
        except Exception as problem:  # one cell that cannot be run must not hide what the others show
            row.broken["run"] = [f"{type(problem).__name__}: {problem}"]
            await self.crowd.rest()
        row.others, row.seconds = watch.others, time.monotonic() - began
        return row

    async def _load(self, cell: Cell, row: Row) -> None:
        """Load, fault, and until people are well again."""
        journal = self.crowd.journal
        journal.fresh(cell.slow)
        self.crowd.go()
        await asyncio.sleep(WARM_SECONDS)
        async with cell.inject(self.shop, self.crowd, random.Random(f"{self.seed}{cell.id}")):
            await asyncio.sleep(cell.hold)
        row.recovery = await recovered(journal, time.monotonic())
        await self.crowd.rest()
        row.ok, row.degraded, row.cut = journal.ok, journal.degraded, journal.cut
        row.slowest, row.late = journal.slowest, list(journal.late)

    async def _ask(self, cell: Cell, row: Row) -> None:
        """Every promise."""
        self.crowd.crashes += cell.crashes
        db = await Database.open(url=self.shop.superuser_url, min_size=0, max_size=1)
        try:
            rest = oracle.AtRest(self.shop, db)
            await rest.wait()
            row.mail, row.money = rest.mail, rest.money
            found = await oracle.broken(self.shop, db, crashes=self.crowd.crashes)
        finally:
            await db.close()
        found["I3"] += rest.unsettled
        found["I6"] += rest.open
        found["I11"] = await logged_out_stays_out(self.crowd)
        found["I14"] = await calmed_down(self.shop, self.before)
        row.broken = {name: what for name, what in found.items() if what}


async def run_all(shop: Scratch, cells: Sequence[Cell], seed: int) -> list[Row]:
    """All of them in one shop, one after another, each told as it ends."""
    db = await Database.open(url=shop.postgres.web_url, max_size=2)
    keeper = asyncio.create_task(keep_alive(shop))
    crowd = Crowd(shop, await Fair.plenty(db), seed)
    try:
        await crowd.arrive()
        crowd.go()
        await asyncio.sleep(WARM_UP_SECONDS)
        running = Run(shop, crowd, await asyncio.to_thread(vitals, shop), seed)
        rows = []
        for number, cell in enumerate(cells, 1):
            rows.append(await running.row(cell))
            print(
                f"{number}/{len(cells)} {rows[-1].seconds:3.0f} s  {cell.id:<6} {cell.fault}: {rows[-1].verdict}",
                flush=True,
            )
        return rows
    finally:
        await crowd.leave()
        keeper.cancel()
        await db.close()


async def keep_alive(shop: Scratch) -> None:
    """Look after every process until cancelled, as systemd does."""
    while True:
        for program in shop.programs:
            program.look()
        await asyncio.sleep(0.05)


async def recovered(journal: Journal, since: float) -> float:
    """Seconds from the end of the fault to the last answer that was not well; watches until all is quiet."""
    while True:
        if time.monotonic() - max(journal.last_trouble, since) > QUIET_SECONDS:
            return max(0.0, journal.last_trouble - since)
        if time.monotonic() - since > RECOVERY_SECONDS:
            return RECOVERY_SECONDS
        await asyncio.sleep(0.05)


async def logged_out_stays_out(crowd: Crowd) -> list[str]:
    """I11: a cookie that was signed out signs nobody in, whatever Redis remembers."""
    shopper = crowd.shopper(LOOKER, random.Random(time.monotonic()), name=member(0).username)
    try:
        for _ in range(SIGN_INS):
            if await shopper.sign_in():
                break
            await asyncio.sleep(1)
        else:
            return ["could not be tried: nobody can sign in"]
        kept = {cookie.key: cookie.value for cookie in shopper.jar}
        await shopper.get("/account")
        left = await shopper.send("/logout", {})
        shopper.is_signed_in = False
        shopper.jar.update_cookies(kept)
        page = await shopper.get("/account")
        is_out = left.status == 303 and page.status == 303
        return [] if is_out else [f"signed out with {left.status}, then /account is {page.status}"]
    finally:
        await shopper.leave()
