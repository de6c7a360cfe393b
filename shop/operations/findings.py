"""What the doctor says: one sentence a finding, with the remedy in it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import IntEnum

from shop.settings import Settings


class Level(IntEnum):
    """How bad it is; also the exit status of the doctor."""

    FINE = 0
    WARNING = 1
    ERROR = 2


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at; `sentence` says what is wrong and what helps."""

    level: Level
    subject: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.level.name.lower():7}  {self.subject}: {self.sentence}"


Check = Callable[[Settings], Awaitable[list[Finding]]]


def fine(subject: str, sentence: str) -> Finding:
    return Finding(Level.FINE, subject, sentence)


def warning(subject: str, sentence: str) -> Finding:
    return Finding(Level.WARNING, subject, sentence)


def error(subject: str, sentence: str) -> Finding:
    return Finding(Level.ERROR, subject, sentence)


def worst(findings: list[Finding]) -> Level:
    """The level of the worst finding; fine when there is none."""
    return max((finding.level for finding in findings), default=Level.FINE)
