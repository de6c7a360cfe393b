"""What was measured against what was aimed at, in one table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

# Two runs of the same thing on a shared machine differ by so much; a goal missed by less is told, not failed.
NOISE: Final = 0.1


@dataclass(frozen=True, slots=True)
class Result:
    """One figure with its goal; `at_most` says on which side of the goal it is good."""

    what: str
    measured: float
    goal: float
    unit: str
    at_most: bool = True

    @property
    def verdict(self) -> str:
        """met, within noise, or missed."""
        short_of = self.measured / self.goal if self.at_most else self.goal / self.measured
        if short_of <= 1:
            return "met"
        return "within noise" if short_of <= 1 + NOISE else "missed"


def table(results: Sequence[Result]) -> str:
    """One line each."""
    lines = [f"{'what':<58}{'measured':>10}  {'goal':>10}  verdict"]
    for result in results:
        goal = f"{'≤' if result.at_most else '≥'} {result.goal:g}"
        lines.append(f"{result.what:<58}{result.measured:>10.2f}  {goal:>10}  {result.verdict}, {result.unit}")
    return "\n".join(lines)
