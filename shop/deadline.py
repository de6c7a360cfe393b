"""One deadline for everything a request does: `with deadline(3.0): …`."""

from __future__ import annotations

import time
from contextvars import ContextVar

# The time budget is the only thing here that is ambient: it changes when an answer comes, never which.
_UNTIL: ContextVar[float | None] = ContextVar("deadline", default=None)


class deadline:
    """Everything inside ends within so many seconds; a deadline inside another can only shorten it."""

    __slots__ = ("_seconds", "_token")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def __enter__(self) -> None:
        until = time.monotonic() + self._seconds
        outer = _UNTIL.get()
        self._token = _UNTIL.set(until if outer is None else min(until, outer))

    def __exit__(self, *_: object) -> None:
        _UNTIL.reset(self._token)


def remaining(seconds: float) -> float:
    """What a call with this budget in seconds may still use; zero or less when the deadline has passed."""
    until = _UNTIL.get()
    return seconds if until is None else min(seconds, until - time.monotonic())
