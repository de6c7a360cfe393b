"""Pictures in FastDFS: `fastdfs://tracker1:22122,tracker2:22122/group1`."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Final, TypeVar
from urllib.parse import parse_qs, urlsplit

from shop.media.errors import MediaAway, MediaFull, MediaMissing
from shop.media.fastdfs.client import FastDFS
from shop.media.fastdfs.errors import FastDFSError, FileNotThere, NoRoom
from shop.media.fastdfs.file_ids import GROUP, FileId
from shop.media.fastdfs.protocol import Server
from shop.media.locations import Locations
from shop.media.names import Listed

T = TypeVar("T")

PORT: Final = 22122
HOST: Final = re.compile(r"(?P<host>[A-Za-z0-9.-]+|\[[0-9a-fA-F:.]+\])(?::(?P<port>\d{1,5}))?")
LOOKS: Final = "SHOP_MEDIA_URL has to look like fastdfs://tracker1:22122,tracker2:22122/group1"


class FastDFSStore:
    """Files by name in a cluster that gives each another name of its own."""

    def __init__(self, client: FastDFS, locations: Locations) -> None:
        self._client = client
        self._locations = locations

    async def put(self, name: str, data: bytes) -> None:
        """security: only names and bytes of our own encoder come here; servers in trouble take content for requests."""
        if await self._locations.find(name) is not None:
            await self.delete(name)  # it is there no more, or is not what it should be
        try:
            file = await self._client.upload(data, "webp")
        except NoRoom as problem:
            raise MediaFull(str(problem)) from problem
        except FastDFSError as problem:
            raise MediaAway(str(problem)) from problem
        if not await self._locations.note(name, str(file)):
            with suppress(FastDFSError):
                await self._client.delete(file)

    async def get(self, name: str) -> bytes:
        return await self._asked(name, self._client.download)

    async def exists(self, name: str) -> bool:
        try:
            await self._asked(name, self._client.info)
        except MediaMissing:
            return False
        return True

    async def delete(self, name: str) -> None:
        file_id = await self._locations.find(name)
        if file_id is None:
            return
        try:
            with suppress(FileNotThere):
                await self._client.delete(FileId.parse(file_id))
        except FastDFSError as problem:
            raise MediaAway(str(problem)) from problem
        await self._locations.forget(name, file_id)

    def listing(self) -> AsyncIterator[Listed]:
        return self._locations.listing()

    async def close(self) -> None:
        self._client.close()

    async def _asked(self, name: str, question: Callable[[FileId], Awaitable[T]]) -> T:
        """Asks where the file lies, and where it lies now if it is not there any more: another process may have stored it anew.

        Raises MediaMissing or MediaAway.
        """
        gone = None
        while (file_id := await self._locations.find(name)) not in (None, gone):
            try:
                return await question(FileId.parse(file_id))
            except FileNotThere:
                self._locations.distrust(name)
                gone = file_id
            except FastDFSError as problem:
                raise MediaAway(str(problem)) from problem
        raise MediaMissing(name)


def read_url(url: str) -> tuple[list[Server], str | None, str]:
    """Trackers, group and the name under which places are written down; raises ValueError.

    `?cluster=name` tells two clusters apart while a shop moves between them.
    """
    parts = urlsplit(url)
    trackers = []
    for address in parts.netloc.split(","):
        found = HOST.fullmatch(address)
        if not found or not 0 < int(found["port"] or PORT) < 65536:
            raise ValueError(LOOKS)
        trackers.append(Server(found["host"].strip("[]"), int(found["port"] or PORT)))
    group, options = parts.path.strip("/"), parse_qs(parts.query, keep_blank_values=True)
    if (group and not GROUP.fullmatch(group)) or not set(options) <= {"cluster"}:
        raise ValueError(LOOKS)
    return trackers, group or None, options.get("cluster", ["fastdfs"])[0]
