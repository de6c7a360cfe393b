"""What came of the cells: a line each, and the table of docs/faults.md."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.faults.cell import Cell
from tests.faults.oracle import WORDS

MARK: Final = "<!-- table -->"
BUSY: Final = 0.15  # of all processors, at something else: beyond it nothing is said of time
COLUMNS: Final = (
    *("cell", "fault", "ok", "degraded", "cut off", "well after, s", "budget, s", "kept after, s", "slowest, s"),
    *("others' CPU", "promises"),
)
HEAD: Final = f"| {' | '.join(COLUMNS)} |\n{'|---' * len(COLUMNS)}|"


@dataclass
class Row:
    """What came of one cell: `broken` promises by number, `recovery`, `mail` and `money` in seconds.

    `others` is the share of the machine that was at something else, `late` the answers that came too late.
    """

    cell: Cell
    ok: int = 0
    degraded: int = 0
    cut: int = 0
    recovery: float = 0.0
    mail: float = 0.0
    money: float = 0.0
    slowest: float = 0.0
    seconds: float = 0.0
    others: float = 0.0
    tries: int = 1
    left_out: str = ""
    late: list[str] = field(default_factory=list)
    broken: dict[str, list[str]] = field(default_factory=dict)

    @property
    def is_broken(self) -> bool:
        """Whether something was lost, doubled, shown to others or never came, which no load excuses."""
        return bool(self.broken) or self.cut > self.cell.failures

    @property
    def lateness(self) -> list[str]:
        """What took longer than its budget."""
        found = []
        if self.recovery > self.cell.budget:
            found.append(f"well after {self.recovery:.1f} s only")
        if self.mail > self.cell.mail:
            found.append(f"mails later than {self.cell.mail:g} s")
        if self.money > self.cell.money:
            found.append(f"money later than {self.cell.money:g} s")
        if self.late:
            found.append(f"{len(self.late)} answers late, as {self.late[0]}")
        return found

    @property
    def is_bad(self) -> bool:
        """Whether the run has failed over it: a broken promise, or lateness of our own making."""
        return self.is_broken or bool(self.lateness and self.others <= BUSY)

    @property
    def verdict(self) -> str:
        """In words."""
        if self.left_out:
            return f"left out: {self.left_out}"
        told = [f"{name}: {len(what)}, as {what[0][:200]}" for name, what in self.broken.items()]
        if self.cut > self.cell.failures:
            told.append(f"{self.cut} requests cut off")
        if told:
            return f"BROKEN {'; '.join(told + self.lateness)}"
        if self.lateness:
            reason = f" (others had {self.others:.0%} of the machine: not counted)" if self.others > BUSY else ""
            return f"LATE {'; '.join(self.lateness)}{reason}"
        return "held" if self.tries == 1 else "held at the second try, late at the first"

    def __str__(self) -> str:
        kept = max(self.mail, self.money)
        verdict = self.verdict.replace("|", "/").replace("\n", " ")
        return (
            f"| {self.cell.id} | {self.cell.fault} | {self.ok} | {self.degraded} | {self.cut} | {self.recovery:.1f} |"
            f" {self.cell.budget:g} | {kept:.1f} | {self.slowest:.1f} | {self.others:.0%} | {verdict} |"
        )


def report(rows: Iterable[str], seed: int, order: Sequence[str]) -> str:
    """The table, in the order of the matrix, and a line above it."""
    place = {name: number for number, name in enumerate(order)}
    rows = sorted(rows, key=lambda row: (place.get(parts(row)[0], len(place)), row))
    held = sum(parts(row)[-1].startswith("held") for row in rows)
    requests = sum(int(number) for row in rows for number in parts(row)[2:5])
    told = f"{held} of {len(rows)} cells held; {requests:,} requests; seed {seed}; after each: {', '.join(WORDS)}."
    return "\n".join([told, "", HEAD, *rows])


def parts(row: str) -> list[str]:
    """The columns of a row."""
    return [part.strip() for part in row.strip().strip("|").split("|")]


def write(path: Path, rows: Iterable[Row], seed: int, order: Sequence[str]) -> None:
    """Put the rows into the table of a file, each instead of the one it had; rows of cells that are no more go."""
    text, _, table = path.read_text("utf-8").partition(MARK)
    old = (line for line in table.splitlines() if line.startswith("| ") and not line.startswith("| cell"))
    known = {parts(line)[0]: line for line in old if len(parts(line)) == len(COLUMNS)}
    known |= {row.cell.id: str(row) for row in rows}
    kept = [line for name, line in known.items() if name in order]
    path.write_text(f"{text}{MARK}\n\n{report(kept, seed, order)}\n", "utf-8")
