"""`python -m tests.faults`: a shop under load, broken in every way of the matrix, and whether its promises held. `--help` says the rest."""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults import machines, oracle
from tests.faults.cells import CELLS, Cell
from tests.faults.place import Place, opened
from tests.faults.shoppers import Crowd, Shopper

WARM_SECONDS = 1.5
MARK = "<!-- table -->"
WARM_UP_SECONDS = 10.0
ORACLES = ("I1", "I4", "I5", "I6", "I7", "I8", "I9", "I10", "I11", "I12", "I14", "I15")


@dataclass
class Row:
    """What came of one cell."""

    cell: Cell
    seed: int
    ok: int = 0
    degraded: int = 0
    cut: int = 0
    recovery: float = 0.0
    mail: float | None = None
    slowest: float = 0.0
    seconds: float = 0.0
    broken: dict[str, str] = field(default_factory=dict)

    @property
    def problems(self) -> list[str]:
        found = [f"{name}: {what}" for name, what in self.broken.items()]
        if self.recovery > self.cell.budget:
            found.append(f"well after {self.recovery:.1f} s only")
        if self.mail is None or self.mail > self.cell.mail:
            found.append("promises left after a minute")
        if self.cut > self.cell.failures:
            found.append(f"{self.cut} requests cut off")
        return found

    def __str__(self) -> str:
        mail = "–" if self.mail is None else f"{self.mail:.1f}"
        verdict = "; ".join(self.problems) or "held"
        return (
            f"| {self.cell.id} | {self.cell.fault} | {self.ok} | {self.degraded} | {self.cut} | {self.recovery:.1f} |"
            f" {self.cell.budget:g} | {mail} | {self.slowest:.1f} | {verdict} |"
        )


HEAD = """| cell | fault | ok | degraded | cut off | well after, s | budget, s | mail after, s | slowest answer, s | promises |
|---|---|---|---|---|---|---|---|---|---|"""


async def run_cell(place: Place, crowd: Crowd, cell: Cell, seed: int, before: oracle.Vitals) -> Row:
    """Load, fault, recovery, oracle."""
    began = time.monotonic()
    row, chance = Row(cell, seed), random.Random(f"{seed}{cell.id}")
    crowd.journal.fresh(cell.slow)
    crowd.go()
    await asyncio.sleep(WARM_SECONDS)
    async with cell.inject(place, crowd, chance):
        await asyncio.sleep(cell.hold)
    ended = time.monotonic()
    row.recovery = await oracle.recovered(crowd.journal, ended)
    await crowd.rest()
    row.mail = await oracle.mail_flows(place, time.monotonic())
    row.broken = await asyncio.to_thread(oracle.broken, place, crowd.journal, crowd.crashes + cell.crashes)
    row.broken |= await oracle.logged_out_stays_out(place, Shopper(place, crowd.journal, 950, chance, member=False))
    row.broken |= await oracle.calmed_down(place, before)
    crowd.crashes += cell.crashes
    journal = crowd.journal
    row.ok, row.degraded, row.cut, row.slowest = journal.ok, journal.degraded, journal.cut, journal.slowest
    row.seconds = time.monotonic() - began
    return row


async def run(cells: list[Cell], seed: int) -> list[Row]:
    """All of them in one shop, one after another, in an order of the seed's."""
    random.Random(seed).shuffle(cells)
    async with opened() as place:
        return await run_all(place, cells, seed)


async def run_machines(wanted: set[str], seed: int) -> list[Row]:
    """The shop on several machines, each part of it killed once."""
    async with opened(machines.machines) as place:
        cells = machines.cells(place.around)
        return await run_all(place, [cell for cell in cells if not wanted or cell.id in wanted], seed)


async def run_all(place: Place, cells: list[Cell], seed: int) -> list[Row]:
    rows: list[Row] = []
    crowd = Crowd(place, seed)
    await crowd.arrive()
    crowd.go()
    await asyncio.sleep(WARM_UP_SECONDS)
    before = await asyncio.to_thread(oracle.vitals, place)
    try:
        for cell in cells:
            try:
                rows.append(await run_cell(place, crowd, cell, seed, before))
            except Exception as problem:  # one cell that cannot be run must not hide what the others show
                rows.append(Row(cell, seed, broken={"run": f"{type(problem).__name__}: {str(problem)[:300]}"}))
            print(rows[-1], f"({rows[-1].seconds:.0f} s)", flush=True)
    finally:
        await crowd.leave()
    return rows


def report(rows: Sequence[str], seed: int) -> str:
    """The table of docs/faults.md, in the order of the matrix."""
    order = {cell.id: number for number, cell in enumerate(CELLS)}
    rows = sorted(rows, key=lambda row: (order.get(cells_of(row)[0], len(order)), row))
    held = sum(cells_of(row)[-1] == "held" for row in rows)
    requests = sum(int(number) for row in rows for number in cells_of(row)[2:5])
    told = f"{held} of {len(rows)} cells held; {requests:,} requests; seed {seed}; after each: {', '.join(ORACLES)}."
    return "\n".join([told, "", HEAD, *rows])


def cells_of(row: str) -> list[str]:
    return [part.strip() for part in row.strip().strip("|").split("|")]


def write(path: Path, rows: Sequence[Row], seed: int) -> None:
    """Put the rows into the table of a file, each instead of the one it had."""
    text, _, table = path.read_text("utf-8").partition(MARK)
    known = {cells_of(line)[0]: line for line in table.splitlines() if line.startswith("| ") and "cell" not in line[:8]}
    known |= {row.cell.id: str(row) for row in rows}
    path.write_text(f"{text}{MARK}\n\n{report(list(known.values()), seed)}\n", "utf-8")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--long", action="store_true", help="the long half too")
    parser.add_argument("--only", default="", help="cells by id, with commas between")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", type=Path, help="put the rows into the table of this file")
    asked = parser.parse_args(arguments)
    wanted = set(asked.only.split(",")) - {""}
    cells = [cell for cell in CELLS if (cell.id in wanted if wanted else asked.long or cell.is_short)]
    rows = asyncio.run(run(cells, asked.seed)) if cells else []
    if machines.POOLER and (not wanted or any(name.startswith("M") for name in wanted)):
        rows += asyncio.run(run_machines(wanted, asked.seed))
    elif not machines.POOLER:
        print("Without PgBouncer the shop on several machines is left out (apt install pgbouncer).")
    print(report([str(row) for row in rows], asked.seed))
    if asked.write:
        write(asked.write, rows, asked.seed)
    return int(any(row.problems for row in rows))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
