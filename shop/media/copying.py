"""A whole shop's pictures from one store to another: each file checked against its SHA-256, and taken up again where it stopped."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Final

from shop.db import Database
from shop.media.errors import MediaCorrupt, MediaError, MediaMissing
from shop.media.queries import Kept, kept_objects
from shop.media.store import MediaStore

AT_ONCE: Final = 8


@dataclass
class Copied:
    """What has been done so far; `failed` holds names with what was wrong."""

    copied: int = 0
    already_there: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)

    @property
    def done(self) -> int:
        """Files that were looked at."""
        return self.copied + self.already_there + len(self.failed)


async def copy_all(
    db: Database, source: MediaStore, target: MediaStore, progress: Callable[[Copied], None] = lambda _: None
) -> Copied:
    """Copies every file that the shop knows; what lies in the target already, whole, is not copied again."""
    so_far, files = Copied(), all_objects(db)
    turn = asyncio.Lock()

    async def carry() -> None:
        while True:
            async with turn:
                kept = await anext(files, None)
            if kept is None:
                return
            await _one(kept, source, target, so_far)
            progress(so_far)

    await asyncio.gather(*(carry() for _ in range(AT_ONCE)))
    return so_far


async def all_objects(db: Database) -> AsyncIterator[Kept]:
    """Every file of every picture, by name."""
    after = ""
    while True:
        async with db.read() as conn:
            some = await kept_objects(conn, after)
        for kept in some:
            yield kept
        if not some:
            return
        after = some[-1].name


async def broken_references(db: Database, store: MediaStore) -> list[str]:
    """I13: names of files that the shop knows and the store has not, or has otherwise; none of them may be."""
    return [kept.name async for kept in all_objects(db) if not await _is_whole(store, kept)]


async def _one(kept: Kept, source: MediaStore, target: MediaStore, so_far: Copied) -> None:
    try:
        if await _is_whole(target, kept):
            so_far.already_there += 1
            return
        data = await source.get(kept.name)
        if hashlib.sha256(data).hexdigest() != kept.digest:
            raise MediaCorrupt("the source has something else under this name")
        await target.put(kept.name, data)
        if not await _is_whole(target, kept):
            raise MediaCorrupt("the target has something else than what was sent")
    except MediaMissing:
        so_far.failed.append((kept.name, "the source has no such file"))
    except MediaError as problem:
        so_far.failed.append((kept.name, str(problem)))
    else:
        so_far.copied += 1


async def _is_whole(store: MediaStore, kept: Kept) -> bool:
    try:
        return hashlib.sha256(await store.get(kept.name)).hexdigest() == kept.digest
    except MediaMissing:
        return False
