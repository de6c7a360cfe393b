"""What a shop does with FastDFS: every operation asks a tracker for a storage, then that storage."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

from shop.media.fastdfs import protocol
from shop.media.fastdfs.cluster import SLOWEST, Cluster
from shop.media.fastdfs.errors import FastDFSError, FileNotThere, LinkLost, NothingAvailable, problem
from shop.media.fastdfs.file_ids import FileId, checked_extension, checked_group
from shop.media.fastdfs.lists import Group, Storage, read_groups, read_storages
from shop.media.fastdfs.pool import LINKS
from shop.media.fastdfs.protocol import Command, FileInfo, Place, Request, Server

SECONDS: Final = 5.0
TRIES: Final = (False, False, True)  # whether it is the last
ONCE: Final = (True,)
PAUSE: Final = 0.1
LARGEST: Final = 256 * 1024 * 1024  # bytes of one download
REMEMBERED: Final = 1000


class FastDFS:
    """A client of one cluster; `group` is where new files go, None leaves that to the trackers.

    Every operation ends within `seconds` and what its bytes take, and raises FastDFSError.
    """

    def __init__(
        self, trackers: Sequence[Server], group: str | None = None, *, seconds: float = SECONDS, links: int = LINKS
    ) -> None:
        self._cluster = Cluster(trackers, links)
        self._group = checked_group(group) if group else b""
        self._where = Request(Command.STORE_IN_GROUP if group else Command.STORE, self._group)
        self._seconds = seconds
        self._takers: dict[FileId, Server] = {}

    def close(self) -> None:
        """Ends the connections."""
        self._cluster.close()

    async def upload(self, content: bytes, extension: str = "", *, can_grow: bool = False) -> FileId:
        """Stores a file, or an appender that can grow; its id. A lost reply may leave a second copy behind."""
        command = Command.UPLOAD_APPENDER if can_grow else Command.UPLOAD
        ending = checked_extension(extension)  # refused before anybody is asked
        end = self._end(len(content))
        for last in TRIES:
            try:
                place = await self._place(end)
                request = protocol.upload(place.path, ending, content, command)
                file = protocol.read_file_id(await self._done(place.server, request, end))
                self._remember(file, place.server)
                return file
            except (LinkLost, NothingAvailable) as lost:
                await self._pause(last, lost, end)
        raise AssertionError

    async def upload_slave(self, master: FileId, prefix: str, content: bytes, extension: str = "") -> FileId:
        """Stores a file beside its master, under the master's name and a prefix."""
        request = protocol.upload_slave(master, prefix, extension, content)
        return protocol.read_file_id(await self._update(master, request))

    async def download(self, file: FileId, offset: int = 0, length: int = 0) -> bytes:
        """The file, or `length` bytes (0: all) from `offset` on; raises ValueError for a range outside of it.

        surprise: releases answer a range past the end in four ways, so none is ever asked for one; nor for an empty file.
        """
        size = await self._size(file)
        if offset < 0 or length < 0 or offset > size:
            raise ValueError(f"the file has {size} bytes")
        wanted = min(length or size, size - offset)
        if not wanted:
            return b""
        request = protocol.download(file, offset, 0 if wanted == size else wanted, min(size, LARGEST))
        body = await self._read(file, request)
        if len(body) != wanted:
            raise LinkLost(f"{len(body)} bytes came instead of {wanted}", answered=True)
        return body

    async def info(self, file: FileId) -> FileInfo:
        """Size, time and CRC-32 of a file."""
        return protocol.read_file_info(await self._read(file, protocol.about(Command.FILE_INFO, file)))

    async def delete(self, file: FileId) -> None:
        """Removes a file; raises FileNotThere when it was gone before we first asked."""
        await self._update(file, protocol.about(Command.DELETE, file), gone_is_done=True)

    async def metadata(self, file: FileId) -> dict[str, str]:
        """The metadata of a file; one without any cannot be told from one that is not there: FileNotThere."""
        return protocol.read_metadata(await self._read(file, protocol.about(Command.GET_METADATA, file)))

    async def set_metadata(self, file: FileId, items: Mapping[str, str], *, merge: bool = False) -> None:
        """Replaces all metadata, or those of equal names; raises ValueError for names or values that are too long."""
        await self._update(file, protocol.set_metadata(file, items, merge=merge))

    async def append(self, file: FileId, content: bytes) -> None:
        """Adds to the end of an appender."""
        await self._update(file, protocol.append(file, content), tries=ONCE)

    async def modify(self, file: FileId, offset: int, content: bytes) -> None:
        """Writes over a part of an appender."""
        await self._update(file, protocol.modify(file, offset, content))

    async def truncate(self, file: FileId, size: int = 0) -> None:
        """Cuts an appender to `size` bytes."""
        await self._update(file, protocol.truncate(file, size))

    async def regenerate_name(self, file: FileId) -> FileId:
        """Makes an appender a normal file, which gets another id; servers before 6.02 refuse."""
        return protocol.read_file_id(await self._update(file, protocol.regenerate_name(file), tries=ONCE))

    async def groups(self) -> list[Group]:
        """All groups of the cluster."""
        request = Request(Command.LIST_GROUPS, limit=protocol.FROM_TRACKER)
        return read_groups(await self._cluster.ask_tracker(request, self._end()))

    async def storages(self, group: str) -> list[Storage]:
        """All storages of a group."""
        request = Request(Command.LIST_STORAGES, checked_group(group), limit=protocol.FROM_TRACKER)
        return read_storages(await self._cluster.ask_tracker(request, self._end()))

    async def _size(self, file: FileId) -> int:
        """From the name where it tells, else asked."""
        size = file.size
        return (await self.info(file)).size if size is None else size

    async def _place(self, end: float) -> Place:
        """Where to store; a storage that just failed is passed over while the tracker still names it."""
        place = protocol.read_place(await self._cluster.ask_tracker(self._where, end))
        if not self._cluster.is_shy(place.server):
            return place
        command = Command.STORE_IN_GROUP_ALL if self._group else Command.STORE_ALL
        all_ = Request(command, self._group, limit=protocol.FROM_TRACKER)
        places = protocol.read_places(await self._cluster.ask_tracker(all_, end))
        return next((other for other in places if not self._cluster.is_shy(other.server)), place)

    def _remember(self, file: FileId, taker: Server) -> None:
        """Who stores a file reads it back: the storage that took it has it for sure, and no tracker need be asked."""
        if len(self._takers) >= REMEMBERED:
            del self._takers[next(iter(self._takers))]
        self._takers[file] = taker

    async def _source(self, file: FileId, command: Command, end: float) -> Server:
        """A storage that has the file; the one that took it only once, for it may go like any other."""
        taker = self._takers.pop(file, None)
        if taker is not None and not self._cluster.is_shy(taker):
            return taker
        server = protocol.read_source(await self._cluster.ask_tracker(Request(command, file.wire), end))
        if command is Command.UPDATE or not self._cluster.is_shy(server):
            return server
        request = Request(Command.FETCH_ALL, file.wire, limit=protocol.FROM_TRACKER)
        servers = protocol.read_sources(await self._cluster.ask_tracker(request, end))
        return next((other for other in servers if not self._cluster.is_shy(other)), server)

    async def _read(self, file: FileId, request: Request) -> bytes:
        """Asks any storage that has the file; a replica may lack it for a second, so then the one it came to first."""
        end = self._end(request.limit)
        command = Command.FETCH
        for last in TRIES:
            try:
                return await self._done(await self._source(file, command, end), request, end)
            except FileNotThere:
                if command is Command.UPDATE:
                    raise
                command = Command.UPDATE
                if last:
                    raise
            except (LinkLost, NothingAvailable) as lost:
                command = Command.FETCH
                await self._pause(last, lost, end)
        raise AssertionError

    async def _update(
        self, file: FileId, request: Request, *, tries: Sequence[bool] = TRIES, gone_is_done: bool = False
    ) -> bytes:
        end, lost_one = self._end(len(request.content)), False
        for last in tries:
            try:
                return await self._done(await self._source(file, Command.UPDATE, end), request, end)
            except FileNotThere:
                if gone_is_done and lost_one:
                    return b""  # the reply that was lost said that it worked
                raise
            except (LinkLost, NothingAvailable) as lost:
                lost_one = True
                await self._pause(last, lost, end)
        raise AssertionError

    async def _done(self, server: Server, request: Request, end: float) -> bytes:
        status, body = await self._cluster.ask_storage(server, request, end)
        if status:
            raise problem(status)
        return body

    def _end(self, size: int = 0) -> float:
        return asyncio.get_running_loop().time() + self._seconds + (size / SLOWEST if size > 1 << 20 else 0.0)

    async def _pause(self, last: bool, lost: FastDFSError, end: float) -> None:
        if last or asyncio.get_running_loop().time() + PAUSE >= end:
            raise lost
        await asyncio.sleep(PAUSE)
