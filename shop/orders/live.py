"""Who waits for news of which order: one LISTEN connection a process, any number of open pages."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from shop.db.listen import Listener
from shop.orders.service import CHANNEL

# How many pages may wait at a time, in a process: those of one visitor (or of one guest's order), and all.
PER_VISITOR: Final = 6
IN_ALL: Final = 2000


class TooManyPages(Exception):
    """This visitor has as many pages open as one may have."""


class NoMorePages(Exception):
    """So many pages wait already that no further one can, or the shop is going."""


class LiveOrders:
    """Wakes pages when something happens to their order; after a lost connection it wakes all, for news may be missed."""

    def __init__(self, listen_url: str) -> None:
        self._waiting: dict[int, set[asyncio.Event]] = defaultdict(set)
        self._visitors: Counter[str] = Counter()
        self._listener = Listener(listen_url, {CHANNEL: self._heard}, self._wake_all)
        self.is_closed = False

    def start(self) -> None:
        """Listens until `stop`."""
        self._listener.start()

    async def stop(self) -> None:
        """Ends listening."""
        await self._listener.stop()

    def close(self) -> None:
        """Ends every open page; the shop is going."""
        self.is_closed = True
        self._wake_all()

    @contextmanager
    def waiting(self, order_id: int, visitor: str) -> Iterator[asyncio.Event]:
        """An event that is set at every news of this order; clear it before looking. Raises TooManyPages or NoMorePages."""
        if self.is_closed or self._visitors.total() >= IN_ALL:
            raise NoMorePages
        if self._visitors[visitor] >= PER_VISITOR:
            raise TooManyPages
        event = asyncio.Event()
        self._waiting[order_id].add(event)
        self._visitors[visitor] += 1
        try:
            yield event
        finally:
            self._leave(order_id, visitor, event)

    def _leave(self, order_id: int, visitor: str, event: asyncio.Event) -> None:
        self._waiting[order_id].discard(event)
        if not self._waiting[order_id]:
            del self._waiting[order_id]
        self._visitors[visitor] -= 1
        if not self._visitors[visitor]:
            del self._visitors[visitor]

    def _heard(self, payload: str) -> None:
        for event in self._waiting.get(int(payload), ()) if payload.isdecimal() else ():
            event.set()

    def _wake_all(self) -> None:
        for events in self._waiting.values():
            for event in events:
                event.set()
