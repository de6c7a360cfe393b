"""What shoppers have asked, what the shop has answered, and how well it was meanwhile."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

FULL: Final = 507  # a picture that the store has no room for: said, and nothing is lost
# What says neither yes nor no: the answer was lost, or the shop did not know itself.
UNKNOWN: Final = frozenset({0, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; status 0 when the line was cut. `cookies` are the long ones, `seconds` how long it took."""

    status: int
    text: str = ""
    location: str = ""
    seconds: float = 0.0
    has_retry: bool = False
    cookies: tuple[str, ...] = ()

    @property
    def is_good(self) -> bool:
        """Whether it was what was asked for."""
        return self.status in (200, 303)


@dataclass(slots=True)
class Journal:
    """Promises are kept for ever; how well the shop was begins anew with each cell.

    `answers` has (status, order number) of each click by checkout, `wanted` what the basket held (SKU and quantity), `paid` the orders
    for which the bank took money, `registered` the status by address, `secrets` what no log may hold.
    """

    wanted: dict[str, dict[int, int]] = field(default_factory=dict)
    answers: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    cancelled: set[str] = field(default_factory=set)
    paid: set[str] = field(default_factory=set)
    registered: dict[str, int] = field(default_factory=dict)
    secrets: set[str] = field(default_factory=set)
    statuses: Counter[int] = field(default_factory=Counter)

    ok: int = 0
    degraded: int = 0
    cut: int = 0
    last_trouble: float = 0.0
    slowest: float = 0.0
    slack: float = 0.0
    wrong: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)

    def note(self, checkout: str, status: int, number: str) -> None:
        """One click on "Order"."""
        self.answers.setdefault(checkout, []).append((status, number))
        self.statuses[status] += 1

    def count(self, what: str, answer: Answer, limit: float) -> None:
        """One answer, which may take `limit` seconds and one more."""
        self.slowest = max(self.slowest, answer.seconds)
        if answer.status == 0:
            self.cut += 1
        elif answer.status in (429, 503):
            self.degraded += 1
            if not answer.has_retry:
                self.wrong.append(f"{what}: {answer.status} without Retry-After")
        elif answer.status >= 500 and answer.status != FULL:
            self.wrong.append(f"{what}: {answer.status}")
        else:
            self.ok += 1
        if answer.status in (0, 429) or (answer.status >= 500 and answer.status != FULL):
            self.last_trouble = time.monotonic()
        if answer.seconds > max(limit + 1, self.slack):
            self.late.append(f"{what}: {answer.seconds:.1f} s")

    def fresh(self, slack: float = 0.0) -> None:
        """Begin a new cell, in which answers may take `slack` seconds."""
        self.slack = slack
        self.ok = self.degraded = self.cut = 0
        self.slowest = 0.0
        for told in (self.wrong, self.foreign, self.late):
            told.clear()
