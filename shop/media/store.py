"""Where pictures are kept: one Protocol, so that a folder can become FastDFS or S3 without anybody noticing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol
from urllib.parse import urlsplit

from shop.db import Database
from shop.media.errors import MediaAway as MediaAway
from shop.media.errors import MediaFull as MediaFull
from shop.media.errors import MediaMissing as MediaMissing
from shop.media.fastdfs.client import FastDFS
from shop.media.fastdfs.store import FastDFSStore, read_url
from shop.media.local import open_local
from shop.media.locations import Locations
from shop.media.names import Listed


class MediaStore(Protocol):
    """Files by name; a name carries the fingerprint of the picture, so what is stored under it never changes.

    All of it raises MediaAway when the store does not answer.
    """

    async def put(self, name: str, data: bytes) -> None:
        """Keep the file; when this returns, a power cut does not lose it. Raises MediaFull."""

    async def get(self, name: str) -> bytes:
        """The file; raises MediaMissing."""

    async def exists(self, name: str) -> bool:
        """Whether the whole file is there."""

    async def delete(self, name: str) -> None:
        """Forget the file; nothing happens when there is none."""

    def listing(self) -> AsyncIterator[Listed]:
        """Every file, in any order."""

    async def close(self) -> None:
        """Let go of connections."""


def open_store(url: str, db: Database) -> MediaStore:
    """The store behind SHOP_MEDIA_URL; raises ValueError for an address that leads nowhere. It connects when it is used."""
    match urlsplit(url).scheme:
        case "file":
            return open_local(url)
        case "fastdfs":
            trackers, group, cluster = read_url(url)
            return FastDFSStore(FastDFS(trackers, group), Locations(db, cluster))
        case "s3":
            from shop.media.s3 import open_s3  # 16 MB that a shop with a folder does without

            return open_s3(url)
        case _:
            raise ValueError("SHOP_MEDIA_URL has to begin with file:, fastdfs: or s3:")
