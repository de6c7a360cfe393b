"""Alarms of what anybody can send: the log hears of the first at once, and of the others by number."""

import time
from collections import Counter
from collections.abc import Callable
from typing import Final

QUIET_SECONDS: Final = 60.0


class Alarms:
    """How many alarms of a name a line in the log stands for; each process counts its own."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._told: dict[str, float] = {}
        self._untold: Counter[str] = Counter()

    def rung(self, name: str) -> int:
        """The alarms since the last line, this one too, when it is time for another line; 0 within a minute after one."""
        now, told = self._clock(), self._told.get(name)
        self._untold[name] += 1
        if told is not None and now - told < QUIET_SECONDS:
            return 0
        self._told[name] = now
        return self._untold.pop(name)
