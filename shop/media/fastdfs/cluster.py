"""Trackers and storages of one cluster: whom to ask, whom to leave alone for some seconds, and when to give up."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import cycle
from typing import Final

from shop.media.fastdfs.errors import (
    EINVAL,
    ENOENT,
    ENOSPC,
    FastDFSError,
    LinkLost,
    NoRoom,
    NothingAvailable,
    RequestRefused,
)
from shop.media.fastdfs.pool import LINKS, Pool
from shop.media.fastdfs.protocol import Request, Server

SHY_SECONDS: Final = 5.0
TRACKER_SECONDS: Final = 1.0
# A storage moves at least this many bytes in a second.
SLOWEST: Final = 4 * 1024 * 1024
STORAGE_SECONDS: Final = 2.0


class Cluster:
    """Pools by address; a server that failed is asked last for some seconds."""

    def __init__(self, trackers: Sequence[Server], links: int = LINKS) -> None:
        self._links = links
        self._pools: dict[Server, Pool] = {}
        self._failed: dict[Server, float] = {}
        self._turns = cycle([(*trackers[n:], *trackers[:n]) for n in range(len(trackers))])
        self._loop = asyncio.get_running_loop()

    def close(self) -> None:
        """Ends all connections that are idle."""
        for pool in self._pools.values():
            pool.drop_idle()
        self._pools.clear()

    async def ask_tracker(self, request: Request, end: float) -> bytes:
        """What a tracker says, each asked once: one that was just restarted knows nothing yet.

        Raises NothingAvailable, NoRoom or RequestRefused.
        """
        worst: FastDFSError = NothingAvailable("no tracker can be reached")
        for tracker in self._in_order():
            now = self._loop.time()
            if now >= end:
                break
            try:
                status, body = await self._pool(tracker).ask(request, min(now + TRACKER_SECONDS, end))
            except LinkLost:
                self._note_failure(tracker)
                continue
            if self._failed:
                self._failed.pop(tracker, None)
            if status == 0:
                return body
            if status == EINVAL or status not in (ENOENT, ENOSPC):
                raise RequestRefused(status)
            worst = NoRoom("no group has room") if status == ENOSPC else NothingAvailable("no storage is available")
        raise worst

    async def ask_storage(self, server: Server, request: Request, end: float) -> tuple[int, bytes]:
        """What a storage says; raises LinkLost when it is lost, silent or talks nonsense."""
        bytes_under_way = len(request.content) + (request.limit if request.limit > 1 << 20 else 0)
        until = self._loop.time() + STORAGE_SECONDS + bytes_under_way / SLOWEST
        try:
            answer = await self._pool(server).ask(request, min(until, end))
        except LinkLost:
            self._note_failure(server)
            raise
        if self._failed:
            self._failed.pop(server, None)
        return answer

    def is_shy(self, server: Server) -> bool:
        """Whether it failed within the last seconds."""
        return bool(self._failed) and self._failed.get(server, 0.0) > self._loop.time()

    def _in_order(self) -> Sequence[Server]:
        """Trackers in turn, those that failed last."""
        turned = next(self._turns)
        return sorted(turned, key=self.is_shy) if self._failed else turned

    def _note_failure(self, server: Server) -> None:
        self._failed[server] = self._loop.time() + SHY_SECONDS

    def _pool(self, server: Server) -> Pool:
        pool = self._pools.get(server)
        if pool is None:
            pool = self._pools[server] = Pool(server, self._links)
        return pool
