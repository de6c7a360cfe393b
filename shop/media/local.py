"""Pictures in a folder: there whole or not at all, also after a power cut."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from shop.media.errors import MediaAway, MediaFull, MediaMissing
from shop.media.names import Listed, is_name

# The rest of the disk belongs to whatever else lives there.
FULLEST: Final = 0.9
UNFINISHED: Final = ".new-"
UNFINISHED_SECONDS: Final = 86_400
NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class LocalStore:
    """A folder, with one level of folders in it by the first two digits of the fingerprint."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, name: str) -> Path:
        """Where a file lies; raises MediaMissing for a name that no picture has."""
        if not is_name(name):
            raise MediaMissing(name)
        return self.folder / name[:2] / name

    async def put(self, name: str, data: bytes) -> None:
        try:
            await asyncio.to_thread(self._put, self.path(name), data)
        except OSError as problem:
            if problem.errno in NO_ROOM:
                raise MediaFull(str(self.folder)) from problem
            raise MediaAway(f"{self.folder}: {problem.strerror}") from problem

    async def get(self, name: str) -> bytes:
        try:
            return await asyncio.to_thread(self.path(name).read_bytes)
        except FileNotFoundError:
            raise MediaMissing(name) from None
        except OSError as problem:
            raise MediaAway(f"{self.folder}: {problem.strerror}") from problem

    async def exists(self, name: str) -> bool:
        return await asyncio.to_thread(self.path(name).is_file)

    async def delete(self, name: str) -> None:
        try:
            await asyncio.to_thread(self.path(name).unlink, missing_ok=True)
        except OSError as problem:
            raise MediaAway(f"{self.folder}: {problem.strerror}") from problem

    async def listing(self) -> AsyncIterator[Listed]:
        """Every file; what an upload that died left unfinished is removed on the way."""
        for listed in await asyncio.to_thread(lambda: list(self._listed())):
            yield listed

    async def close(self) -> None:
        """Nothing is open."""

    def _put(self, path: Path, data: bytes) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        usage = shutil.disk_usage(self.folder)
        if usage.used + len(data) > FULLEST * usage.total:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write_whole(path, data)

    def _listed(self) -> Iterator[Listed]:
        for path in self.folder.glob("??/*"):
            with suppress(FileNotFoundError):
                kept_at = path.stat().st_mtime
                if is_name(path.name):
                    yield Listed(path.name, datetime.fromtimestamp(kept_at, UTC))
                elif path.name.startswith(UNFINISHED) and kept_at < time.time() - UNFINISHED_SECONDS:
                    path.unlink()


def open_local(url: str) -> LocalStore:
    """The folder behind `file:///folder`; raises ValueError for an address of another kind."""
    parts = urlsplit(url)
    if parts.scheme != "file" or parts.netloc not in ("", "localhost") or not parts.path.startswith("/"):
        raise ValueError("SHOP_MEDIA_URL has to look like file:///srv/shop/media")
    return LocalStore(Path(unquote(parts.path)))


def write_whole(path: Path, data: bytes, *, durable: bool = True) -> None:
    """A file that is there whole or not at all; with `durable`, also after a power cut."""
    folders = [path.parent, *(folder.parent for folder in path.parents if not folder.exists())]
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=UNFINISHED)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        Path(temporary).chmod(0o644)  # nginx reads it as somebody else
        Path(temporary).replace(path)
    except BaseException:
        with suppress(FileNotFoundError):
            Path(temporary).unlink()
        raise
    if durable:
        for folder in folders:  # also those that were told of a new one
            _sync(folder)


def _sync(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
