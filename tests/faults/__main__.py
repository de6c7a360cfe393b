"""`python -m tests.faults`: a shop under load, broken in every way of the matrix, and whether its promises held.

Ends with 1 when a promise was broken, or when something came late although the machine had nothing else to do; else with 0.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.faults import machines
from tests.faults.cell import Cell
from tests.faults.matrix import CELLS
from tests.faults.report import Row, report, write
from tests.faults.running import PROCESSES, run_all
from tests.faults.scratch import Around, alone, scratch_shop

ORDER = [cell.id for cell in (*CELLS, *machines.CELLS)]


def run(cells: Sequence[Cell], seed: int, around: Around = alone) -> list[Row]:
    """A shop of their own for these cells; nothing when there is none."""
    if not cells:
        return []
    with scratch_shop(around, breakable=True) as shop:
        shop.open_bank()
        shop.open(*[()] * PROCESSES)
        shop.begin_tasks(PROCESSES)
        shop.await_ready()
        return asyncio.run(run_all(shop, cells, seed))


def chosen(cells: Sequence[Cell], asked: argparse.Namespace) -> list[Cell]:
    """Those that were named, else the short ones, else all."""
    wanted = set(asked.only.split(",")) - {""}
    return [cell for cell in cells if (cell.id in wanted if wanted else asked.long or cell.is_short)]


def listed() -> str:
    """All cells and their half."""
    lines = (
        f"{'short' if cell.is_short else 'long ':<5}  {cell.id:<6} {cell.fault}" for cell in (*CELLS, *machines.CELLS)
    )
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Break what was asked for, and say how it went."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults",
        description=__doc__,
        epilog=f"cells:\n{listed()}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--long", action="store_true", help="the long cells too")
    parser.add_argument("--list", action="store_true", help="list the cells and end")
    parser.add_argument("--only", default="", help="cells by id, with commas between")
    parser.add_argument("--seed", type=int, default=1, help="of what people do, and of the order of the cells")
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the rows into the table of this file")
    asked = parser.parse_args(arguments)
    if asked.list:
        print(listed())
        return 0
    signal.signal(
        signal.SIGTERM, lambda *_: sys.exit(143)
    )  # by the way out, which ends the servers and unmounts their disks
    began = time.monotonic()
    cells = chosen(CELLS, asked)
    random.Random(asked.seed).shuffle(cells)
    rows = run(cells, asked.seed)
    if machines.POOLER:
        rows += run(chosen(machines.CELLS, asked), asked.seed, machines.machines)
    else:
        print("Without PgBouncer the shop on several machines is left out (apt install pgbouncer).")
    print(report(map(str, rows), asked.seed, ORDER))
    print(f"{len(rows)} cells in {time.monotonic() - began:.0f} s")
    if asked.write:
        write(asked.write, rows, asked.seed, ORDER)
    return int(any(row.is_bad for row in rows))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
