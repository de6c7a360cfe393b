"""Connections to one server: few, kept open, each in one pair of hands at a time."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

from shop.media.fastdfs.errors import LinkLost
from shop.media.fastdfs.link import CONNECT_SECONDS, Link
from shop.media.fastdfs.protocol import Request, Server

LINKS: Final = 16


class Pool:
    """Up to `size` connections; who finds none free waits in line."""

    def __init__(self, server: Server, size: int = LINKS) -> None:
        self.server = server
        self._size = size
        self._loop = asyncio.get_running_loop()
        self._open = 0
        self._idle: list[Link] = []
        self._line: deque[asyncio.Future[None]] = deque()

    async def ask(self, request: Request, end: float) -> tuple[int, bytes]:
        """Status and body of the reply until `end` on the loop's clock, all waiting counted; raises LinkLost.

        A connection that was lost while it was idle says so at its next use: then one new one is tried.
        """
        link = self._idle.pop() if self._idle and self._idle[-1].is_usable else await self._take(end)
        was_used = link.was_used
        try:
            return await link.ask(request, end)
        except LinkLost as problem:
            if problem.answered or not was_used:
                raise
        finally:
            self._give_back(link)
        self.drop_idle()
        link = await self._take(end)
        try:
            return await link.ask(request, end)
        finally:
            self._give_back(link)

    def drop_idle(self) -> None:
        """Ends connections nobody uses: when one turns out dead, the server was restarted and they all are."""
        for link in self._idle:
            link.abort()
        self._open -= len(self._idle)
        self._idle.clear()

    async def _take(self, end: float) -> Link:
        while True:
            while self._idle:
                link = self._idle.pop()
                if link.is_usable:
                    return link
                self._open -= 1
            if self._open < self._size:
                return await self._opened(end)
            await self._stand_in_line(end)

    async def _opened(self, end: float) -> Link:
        self._open += 1
        try:
            return await Link.open(self.server, min(CONNECT_SECONDS, end - self._loop.time()))
        except BaseException:
            self._open -= 1
            self._call_next()
            raise

    async def _stand_in_line(self, end: float) -> None:
        turn: asyncio.Future[None] = self._loop.create_future()
        self._line.append(turn)
        try:
            async with asyncio.timeout_at(end):
                await turn
        except TimeoutError:
            raise LinkLost(f"no connection to {self.server.host} came free in time") from None
        finally:
            if turn in self._line:
                self._line.remove(turn)
            elif turn.cancelled():
                self._call_next()

    def _give_back(self, link: Link) -> None:
        if link.is_usable:
            self._idle.append(link)
        else:
            self._open -= 1
        if self._line:
            self._call_next()

    def _call_next(self) -> None:
        while self._line:
            turn = self._line.popleft()
            if not turn.done():
                turn.set_result(None)
                return
