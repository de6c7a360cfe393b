"""A lazy pool of links: nobody waits behind another's slow connect, and nobody waits for ever."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import logging
import random

from shop.deadline import remaining

from .errors import DbError, DbTimeout, DbUnavailable
from .link import Link

log = logging.getLogger(__name__)

ACQUIRE_SECONDS = 0.5
CONNECT_SECONDS = 0.5


class Pool:
    """At most `max_size` links to one URL, opened when somebody waits for one and kept while they are clean."""

    def __init__(self, url: str, min_size: int, max_size: int) -> None:
        self._url, self.max_size = url, max_size
        self._idle: list[Link] = []
        self._busy: set[Link] = set()
        self._connecting: set[asyncio.Task[None]] = set()
        self._waiters: collections.deque[asyncio.Future[Link]] = collections.deque()
        self._failure: DbError | None = None
        self._closed = False
        # Spread, or many processes that start at once would storm the server.
        self._warming = asyncio.get_running_loop().call_later(random.uniform(0, 0.2), self._warm, min_size)  # noqa: S311

    @property
    def size(self) -> int:
        """Links that are open or being opened."""
        return len(self._idle) + len(self._busy) + len(self._connecting)

    @property
    def busy(self) -> int:
        """Links that are lent at the moment."""
        return len(self._busy)

    async def acquire(self) -> Link:
        """A clean link within 0.5 s and the deadline; DbUnavailable, or DbTimeout when the deadline has passed."""
        if self._closed:
            raise DbUnavailable("the pool is closed")
        while self._idle:
            link = self._idle.pop()
            if link.is_clean:
                self._busy.add(link)
                return link
            link.close()
        return await self._wait()

    def release(self, link: Link) -> None:
        """Takes a link back; one that is not clean is closed, never lent again."""
        self._busy.discard(link)
        if link.is_clean and not self._closed:
            self._offer(link)
        else:
            link.close()
            self._grow()

    async def close(self) -> None:
        """Closes what is idle at once; what is lent closes when it comes back."""
        self._closed = True
        self._warming.cancel()
        for task in list(self._connecting):
            task.cancel()
        if self._connecting:
            await asyncio.wait(self._connecting, timeout=CONNECT_SECONDS)
        while self._idle:
            self._idle.pop().close()

    async def _wait(self) -> Link:
        seconds = remaining(ACQUIRE_SECONDS)
        if seconds <= 0:
            raise DbTimeout("the deadline has passed")
        waiter: asyncio.Future[Link] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        self._grow()
        try:
            await asyncio.wait({waiter}, timeout=seconds)
        except asyncio.CancelledError:
            self._give_up(waiter)
            raise
        if waiter.done():
            return waiter.result()
        self._give_up(waiter)
        why = f"; the last attempt to connect: {self._failure}" if self._failure else ""
        raise DbUnavailable(f"no connection came free within {seconds:.2f} s{why}")

    def _give_up(self, waiter: asyncio.Future[Link]) -> None:
        with contextlib.suppress(ValueError):
            self._waiters.remove(waiter)
        if not waiter.cancel() and waiter.exception() is None:
            self.release(waiter.result())  # it came just now

    def _next_waiter(self) -> asyncio.Future[Link] | None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                return waiter
        return None

    def _offer(self, link: Link) -> None:
        if waiter := self._next_waiter():
            self._busy.add(link)
            waiter.set_result(link)
        else:
            self._idle.append(link)

    def _grow(self) -> None:
        while len(self._connecting) < len(self._waiters) and self.size < self.max_size and not self._closed:
            self._connect()

    def _warm(self, size: int) -> None:
        while self.size < size:
            self._connect()

    def _connect(self) -> None:
        task = asyncio.get_running_loop().create_task(self._open_one())
        self._connecting.add(task)
        task.add_done_callback(self._connected)

    async def _open_one(self) -> None:
        try:
            link = await Link.connect(self._url, CONNECT_SECONDS)
        except DbError as error:
            if self._failure is None:  # once for each time it goes
                log.warning("PostgreSQL cannot be reached: %s", " ".join(str(error).split()))
            self._failure = error
            return
        self._failure = None
        self.release(link)

    def _connected(self, task: asyncio.Task[None]) -> None:
        self._connecting.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("connecting to PostgreSQL failed", exc_info=error)
        if self._failure is not None and not self._busy and not self._connecting:
            # Nobody holds a link that could come free, so waiting on would only make the same answer late.
            while waiter := self._next_waiter():
                waiter.set_exception(DbUnavailable(f"PostgreSQL cannot be reached: {self._failure}"))
