"""One deadline for everything a request does: `with deadline(3.0): …`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

# The time budget is the only thing here that is ambient: it changes when an answer comes, never which.
_UNTIL: ContextVar[float | None] = ContextVar("deadline", default=None)


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Everything inside ends within so many seconds; a deadline inside another can only shorten it."""
    until = time.monotonic() + seconds
    outer = _UNTIL.get()
    token = _UNTIL.set(until if outer is None else min(until, outer))
    try:
        yield
    finally:
        _UNTIL.reset(token)


def remaining(seconds: float) -> float:
    """What a call with this budget in seconds may still use; zero or less when the deadline has passed."""
    until = _UNTIL.get()
    return seconds if until is None else min(seconds, until - time.monotonic())
