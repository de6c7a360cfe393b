"""What the shop does with pictures: take one in, make its renditions, forget those that nothing shows."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, TypeVar

from shop import outbox
from shop.db import Connection
from shop.deadline import remaining
from shop.media.decoding import Decoder
from shop.media.errors import MediaAway, MediaCorrupt, MediaMissing, PictureRefused, Refusal
from shop.media.names import WIDTHS, fingerprint_of, original, rendition
from shop.media.queries import orphans, used_by
from shop.media.renditions import Renditions
from shop.media.store import MediaStore

T = TypeVar("T")

STORE_SECONDS: Final = 6.0
LARGEST: Final = 10 * 1024 * 1024  # bytes
GRACE: Final = timedelta(days=2)
AT_ONCE: Final = 100

RECORD = """
INSERT INTO media_files (fingerprint, width, height, size, created_by)
VALUES (%(fingerprint)s, %(width)s, %(height)s, %(size)s, %(by)s)
ON CONFLICT (fingerprint) DO UPDATE SET used_at = now()
RETURNING used_at = created_at AS is_new
"""
RECORD_OBJECTS = """
INSERT INTO media_objects (name, fingerprint, digest, size)
SELECT * FROM unnest(%(names)s::text[], %(fingerprints)s::text[], %(digests)s::text[], %(sizes)s::bigint[])
ON CONFLICT (name) DO UPDATE SET digest = EXCLUDED.digest, size = EXCLUDED.size
"""
# Whoever adds a picture and whoever removes its files take turns.
TAKE_TURNS = "SELECT pg_advisory_xact_lock(hashtextextended(%(fingerprint)s, 0))"
IS_KNOWN = "SELECT EXISTS (SELECT FROM media_files WHERE fingerprint = %(fingerprint)s)"
DROP = "DELETE FROM media_files WHERE fingerprint = ANY(%(fingerprints)s)"


@dataclass(frozen=True, slots=True)
class Quota:
    """Bytes that one person may add within a day, and that all pictures may take."""

    person: int
    shop: int


@dataclass(frozen=True, slots=True)
class Stored:
    """A picture whose original is in the store and was read back; sizes in pixels and bytes."""

    fingerprint: str
    width: int
    height: int
    size: int


@dataclass(frozen=True, slots=True)
class Media:
    """All that is needed to take pictures in; one a process."""

    store: MediaStore
    decoder: Decoder
    quota: Quota


async def check_quota(conn: Connection, quota: Quota, by: str) -> None:
    """Raises PictureRefused when this person, or everybody together, has no room left."""
    used = await used_by(conn, by)
    if used.person >= quota.person:
        raise PictureRefused(Refusal.PERSONS_QUOTA)
    if used.shop >= quota.shop:
        raise PictureRefused(Refusal.SHOPS_QUOTA)


async def keep(store: MediaStore, decoder: Decoder, data: bytes) -> Stored:
    """Decodes a stranger's picture, stores our own encoding of it and reads that back; no connection is held meanwhile.

    Raises PictureRefused, MediaFull, MediaAway or MediaCorrupt.
    """
    if len(data) > LARGEST:
        raise PictureRefused(Refusal.TOO_LARGE)
    made = await decoder.picture(data)
    fingerprint = await asyncio.to_thread(_digest, made.data)
    await put_safely(store, original(fingerprint), made.data)
    return Stored(fingerprint, made.width, made.height, len(made.data))


async def record(conn: Connection, store: MediaStore, picture: Stored, *, by: str) -> None:
    """Writes the row of a picture that was kept and promises its renditions; the same picture twice is one row.

    Raises MediaAway or MediaMissing when the original is not there any more.
    """
    await conn.execute(TAKE_TURNS, {"fingerprint": picture.fingerprint})
    if not await within(store.exists(original(picture.fingerprint))):
        raise MediaMissing(picture.fingerprint)
    is_new = await conn.fetch_value(
        RECORD,
        {"fingerprint": picture.fingerprint, "width": picture.width, "height": picture.height, "size": picture.size}
        | {"by": by},
    )
    if is_new:
        await _record_objects(conn, {original(picture.fingerprint): (picture.fingerprint, picture.size)})
        await outbox.promise(conn, "tasks.media.make_renditions", fingerprint=picture.fingerprint)


async def make_renditions(store: MediaStore, decoder: Decoder, fingerprint: str) -> dict[str, tuple[str, int]]:
    """Makes and stores a picture in all widths: digests and sizes (bytes) by name; raises MediaCorrupt for a bad original."""
    whole = await within(store.get(original(fingerprint)))
    if _digest(whole) != fingerprint:
        raise MediaCorrupt(original(fingerprint))
    made = {}
    for width, data in (await decoder.renditions(whole, WIDTHS)).items():
        name = rendition(fingerprint, width)
        await put_safely(store, name, data)
        made[name] = (_digest(data), len(data))
    return made


async def record_renditions(conn: Connection, made: Mapping[str, tuple[str, int]]) -> bool:
    """Writes down what was made; False when the picture was forgotten meanwhile, whose files nobody needs."""
    fingerprint = fingerprint_of(next(iter(made)))
    await conn.execute(TAKE_TURNS, {"fingerprint": fingerprint})
    if not await is_known(conn, fingerprint):
        return False
    await _record_objects(conn, made)
    return True


async def record_picture(conn: Connection, picture: Renditions) -> str:
    """Writes the rows of a picture of our own whose files are all kept; its fingerprint. The same picture twice is one row."""
    whole = original(picture.fingerprint)
    size = {"width": picture.width, "height": picture.height, "size": len(picture.files[whole])}
    await conn.execute(RECORD, {"fingerprint": picture.fingerprint, **size, "by": ""})
    objects = {name: (_digest(data), len(data)) for name, data in picture.files.items()}
    await _record_objects(conn, objects | {whole: (picture.fingerprint, size["size"])})
    return picture.fingerprint


async def forget_orphans(conn: Connection, grace: timedelta = GRACE) -> int:
    """Drops pictures that nothing has referred to for some time, and promises to remove their files; how many there were."""
    found = await orphans(conn, grace, AT_ONCE)
    if found:
        await conn.execute(DROP, {"fingerprints": found})
        names = [[original(one), *(rendition(one, width) for width in WIDTHS)] for one in found]
        await outbox.promise_all(conn, [("tasks.media.remove", {"names": of_one}) for of_one in names])
    return len(found)


async def remove(conn: Connection, store: MediaStore, names: Iterable[str]) -> None:
    """Removes files that belong to no picture; one that was added again meanwhile keeps them."""
    for name in names:
        fingerprint = fingerprint_of(name)
        await conn.execute(TAKE_TURNS, {"fingerprint": fingerprint})
        if not await is_known(conn, fingerprint):
            await within(store.delete(name))


async def is_known(conn: Connection, fingerprint: str) -> bool:
    """Whether there is such a picture."""
    return bool(await conn.fetch_value(IS_KNOWN, {"fingerprint": fingerprint}))


async def put_safely(store: MediaStore, name: str, data: bytes) -> None:
    """Stores a file and reads it back; a good one that is there already is left alone."""
    if await within(store.exists(name)) and await _is_there(store, name, data):
        return
    await within(store.put(name, data))
    if not await _is_there(store, name, data):
        raise MediaCorrupt(name)


async def within(work: Awaitable[T], seconds: float = STORE_SECONDS) -> T:
    """What the store answers within so many seconds, or what the page has left; raises MediaAway."""
    try:
        async with asyncio.timeout(max(0.0, remaining(seconds))):
            return await work
    except TimeoutError:
        raise MediaAway("no answer from the store of pictures") from None


async def _is_there(store: MediaStore, name: str, data: bytes) -> bool:
    try:
        return await within(store.get(name)) == data
    except MediaMissing:
        return False


async def _record_objects(conn: Connection, objects: Mapping[str, tuple[str, int]]) -> None:
    names = list(objects)
    await conn.execute(
        RECORD_OBJECTS,
        {
            "names": names,
            "fingerprints": [fingerprint_of(name) for name in names],
            "digests": [digest for digest, _ in objects.values()],
            "sizes": [size for _, size in objects.values()],
        },
    )


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
