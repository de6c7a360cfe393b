"""What shoppers have asked, and what the shop has answered."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

# What says neither yes nor no: the answer was lost, or the shop did not know itself.
UNKNOWN: Final = frozenset({0, 500, 502, 503, 504})


@dataclass(slots=True)
class Journal:
    """What was asked and answered: per checkout what was wanted and each (status, order number) that came back."""

    wanted: dict[str, dict[int, int]] = field(default_factory=dict)
    answers: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    cancelled: set[str] = field(default_factory=set)
    registered: set[str] = field(default_factory=set)
    statuses: Counter[int] = field(default_factory=Counter)

    def note(self, checkout: str, status: int, number: str) -> None:
        """One click on "Order"."""
        self.answers.setdefault(checkout, []).append((status, number))
        self.statuses[status] += 1
