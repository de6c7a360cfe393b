"""Kept pages for all processes: in Redis, and used only while nothing that they show has changed.

security: every page is sealed and bound to its place, so whoever can write to Redis cannot put a page of his own on our site;
an older page of ours in its place is no better, for it says itself as of when it was right.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from functools import cache
from pathlib import Path
from typing import Any, Final

from shop.cache.cache import Cache
from shop.cache.changes import Changes
from shop.cache.serializers import Msgpack
from shop.sealing import KeyRing, SealBroken
from shop.settings import Settings
from shop.web.pages import KEPT_SECONDS, Kept, Key

# Whoever gets no answer in that time renders; the budget of Redis is longer than a rendering.
ASK_SECONDS: Final = 0.1
# What a process may write within the life of a page: nobody fills Redis by walking through lists.
BYTES: Final = 16 * 1024 * 1024
# What pages say that is no row of the database; the name is there for a shop whose back office has stated none.
SHOWN: Final = ("url", "name", "languages", "currency", "timezone", "development", "database_url")
SOURCES: Final = ("shop/**/*.py", "shop/**/*.po", "templates/**/*.html", "templates/**/*.xml", "static/**/*.*")


class SharedPages:
    """The second level below `Pages`; a Redis that is away makes it empty."""

    def __init__(self, cache: Cache, ring: KeyRing, changes: Changes, edition: str) -> None:
        self._cache = cache
        self._ring = ring
        self._changes = changes
        self._edition = edition
        self.profile = ""  # the digest of what the shop calls itself on the pages
        self._tasks: set[asyncio.Task[Any]] = set()
        self._written = 0
        self._window = 0.0

    async def find(self, key: Key) -> Kept | None:
        """The page as another process has rendered it, if it is still right."""
        if not self._changes.is_listening:
            return None
        place = self._place(key)
        asking = self._begin(self._cache.get(place))
        await asyncio.wait({asking}, timeout=ASK_SECONDS)
        if not asking.done() or not isinstance(sealed := asking.result(), bytes):
            return None
        return self._opened(key, place, sealed)

    def offer(self, key: Key, kept: Kept) -> None:
        """Writes a page for the others in the background, unless it was overtaken by a change or is about to end."""
        seconds = kept.until - time.monotonic()
        if seconds < 1 or not self._changes.is_current(kept.tags, kept.as_of) or not self._may_write(kept.size):
            return
        place = self._place(key)
        says = [kept.etag, list(kept.tags), kept.as_of, time.time() + seconds, kept.viewed, kept.pieces]
        sealed = self._ring.seal(Msgpack().dumps(says), place.encode())
        self._begin(self._cache.set(place, sealed, seconds))

    async def close(self) -> None:
        """Ends what is under way."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _opened(self, key: Key, place: str, sealed: bytes) -> Kept | None:
        try:
            says = Msgpack().loads(self._ring.open(sealed, place.encode()))
        except SealBroken:
            return None
        etag, tags, as_of, ends_at, viewed, pieces = says
        # Clocks of two machines differ; never longer than here, whatever the other's says.
        seconds = min(ends_at - time.time(), KEPT_SECONDS)
        if seconds <= 0 or not self._changes.is_current(tags, as_of):
            return None
        return Kept(
            route=key[0],
            lang=key[1],
            pieces=tuple(pieces),
            etag=etag,
            tags=frozenset(tags),
            as_of=as_of,
            until=time.monotonic() + seconds,
            viewed=viewed,
        )

    def _place(self, key: Key) -> str:
        return f"{self._edition}{self.profile}:{hashlib.blake2b(Msgpack().dumps(key), digest_size=16).hexdigest()}"

    def _may_write(self, size: int) -> bool:
        if time.monotonic() - self._window > KEPT_SECONDS:
            self._window, self._written = time.monotonic(), 0
        self._written += size
        return self._written <= BYTES

    def _begin(self, doing: Any) -> asyncio.Task[Any]:
        task = asyncio.create_task(doing)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def edition_of(root: Path, settings: Settings) -> str:
    """A name for everything that makes a page but the database: a release or a shop never shows pages of another."""
    digest = hmac.new(settings.secret_keys[0] if settings.secret_keys else b"", digestmod="sha256")
    for name in SHOWN:
        digest.update(f"{name}={getattr(settings, name)}\0".encode())
    digest.update(_release(root))
    return digest.hexdigest()[:16]


@cache
def _release(root: Path) -> bytes:
    """A digest of the sources, as they were when this process looked first."""
    digest = hashlib.sha256()
    for path in sorted(path for source in SOURCES for path in root.glob(source) if path.is_file()):
        digest.update(str(path.relative_to(root)).encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.digest()
