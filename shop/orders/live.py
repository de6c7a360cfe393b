"""Who waits for news of which order: one LISTEN connection a process, any number of open pages."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from shop.accounts.sessions.models import REVOKED_CHANNEL
from shop.db.listen import Listener
from shop.orders.service import CHANNEL

# How many pages may wait at a time, in a process: those of one visitor (or of one guest's order), and all.
PER_VISITOR: Final = 6
IN_ALL: Final = 2000
# What a page waits for that wants to know of every order.
EVERY: Final = "every"


class TooManyPages(Exception):
    """This visitor has as many pages open as one may have."""


class NoMorePages(Exception):
    """So many pages wait already that no further one can, or the shop is going."""


class LiveOrders:
    """Wakes pages when something happens to their order, or their session ends; after a lost connection it wakes all."""

    def __init__(self, listen_url: str, ends: Sequence[str] = (REVOKED_CHANNEL,)) -> None:
        """Listen for news of orders, and on the channels `ends` for sessions that end."""
        # By what is told: the id of an order, EVERY, or the hash of a session's id in hexadecimal digits.
        self._waiting: dict[str, set[asyncio.Event]] = defaultdict(set)
        self._visitors: Counter[str] = Counter()
        channels = {CHANNEL: self._heard_of_order, **dict.fromkeys(ends, self._heard)}
        self._listener = Listener(listen_url, channels, self._wake_all)
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
    def waiting(
        self, order_id: int | None, visitor: str, session: bytes | None = None, *, at_most: int | None = None
    ) -> Iterator[asyncio.Event]:
        """An event that is set at every news of this order, with None of any order (and of this session, by its id hash).

        Clear it before looking. One visitor has `at_most` pages, else PER_VISITOR. Raises TooManyPages or NoMorePages.
        """
        if self.is_closed or self._visitors.total() >= IN_ALL:
            raise NoMorePages
        if self._visitors[visitor] >= (at_most or PER_VISITOR):
            raise TooManyPages
        told = EVERY if order_id is None else str(order_id)
        event, news = asyncio.Event(), [told, *([session.hex()] if session else [])]
        for told in news:
            self._waiting[told].add(event)
        self._visitors[visitor] += 1
        try:
            yield event
        finally:
            self._leave(news, visitor, event)

    def _leave(self, news: list[str], visitor: str, event: asyncio.Event) -> None:
        for told in news:
            self._waiting[told].discard(event)
            if not self._waiting[told]:
                del self._waiting[told]
        self._visitors[visitor] -= 1
        if not self._visitors[visitor]:
            del self._visitors[visitor]

    def _heard_of_order(self, payload: str) -> None:
        self._heard(payload)
        self._heard(EVERY)

    def _heard(self, payload: str) -> None:
        for event in self._waiting.get(payload, ()):
            event.set()

    def _wake_all(self) -> None:
        for events in self._waiting.values():
            for event in events:
                event.set()
