"""Where pictures are kept: one Protocol, so that a folder can become FastDFS or S3 without anybody noticing."""

import asyncio
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from shop.media.names import is_name


class MediaMissing(Exception):
    """No such file in the store."""


class MediaStore(Protocol):
    """Files by name; a name carries the fingerprint of the picture, so what is stored under it never changes."""

    async def put(self, name: str, data: bytes) -> None:
        """Keep the file; when this returns, a power cut does not lose it."""

    async def get(self, name: str) -> bytes:
        """The file; raises MediaMissing."""

    async def exists(self, name: str) -> bool:
        """Whether the whole file is there."""

    async def delete(self, name: str) -> None:
        """Forget the file; nothing happens when there is none."""


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
        await asyncio.to_thread(write_whole, self.path(name), data)

    async def get(self, name: str) -> bytes:
        try:
            return await asyncio.to_thread(self.path(name).read_bytes)
        except FileNotFoundError:
            raise MediaMissing(name) from None

    async def exists(self, name: str) -> bool:
        return await asyncio.to_thread(self.path(name).is_file)

    async def delete(self, name: str) -> None:
        await asyncio.to_thread(self.path(name).unlink, missing_ok=True)


def open_store(url: str) -> LocalStore:
    """The store behind SHOP_MEDIA_URL, `file:///folder`; raises ValueError for an address of another kind."""
    parts = urlsplit(url)
    if parts.scheme != "file" or parts.netloc not in ("", "localhost") or not parts.path.startswith("/"):
        raise ValueError("SHOP_MEDIA_URL has to look like file:///srv/shop/media")
    return LocalStore(Path(unquote(parts.path)))


def write_whole(path: Path, data: bytes, *, durable: bool = True) -> None:
    """A file that is there whole or not at all; with `durable`, also after a power cut."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
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
        _sync(path.parent)


def _sync(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
