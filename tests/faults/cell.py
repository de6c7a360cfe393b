"""One row of the matrix: what is done to the shop, for how long, and how soon it has to be well again."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

from tests.faults.crowd import Crowd
from tests.faults.scratch import Scratch

Inject = Callable[[Scratch, Crowd, random.Random], AbstractAsyncContextManager[None]]


@dataclass(frozen=True)
class Cell:
    """`budget` seconds until pages are well after the fault ended, `mail` and `money` until nothing of either waits.

    `hold` is how long the fault lasts, `crashes` how many extra mails it may cost, `slow` how many seconds an answer may take where the
    fault itself holds up whoever is there, `failures` how many requests may be cut off: those that were under way.
    """

    id: str
    fault: str
    inject: Inject
    hold: float = 2.0
    budget: float = 5.0
    mail: float = 60.0
    money: float = 120.0
    crashes: int = 1
    is_short: bool = True
    slow: float = 0.0
    failures: int = 50


def both(first: Inject, second: Inject) -> Inject:
    """Two faults at once."""

    @asynccontextmanager
    async def inject(shop: Scratch, crowd: Crowd, chance: random.Random) -> AsyncIterator[None]:
        async with first(shop, crowd, chance), second(shop, crowd, chance):
            yield

    return inject
