"""What pictures promise: their renditions, and that what nobody shows takes no room for long."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from shop.facts import fact, state_fact
from shop.media import service
from shop.media.decoding import Decoder
from shop.media.errors import MediaAway, MediaCorrupt, MediaFull, MediaMissing, PictureRefused, Refusal
from shop.media.queries import strays_among
from shop.media.store import MediaStore, open_store
from shop.outbox import Hopeless, Lease, NotNow
from tasks.runtime import Workshop, promised

TIDY_EVERY: Final = timedelta(hours=1)
TIDIED: Final = "media_tidied"
BATCH: Final = 500


@promised("tasks.media.make_renditions")
async def make_renditions(shop: Workshop, held: Lease, *, fingerprint: str) -> None:
    """Make a picture in every width; done twice, it comes out the same."""
    store = open_store(shop.settings.media_url, shop.db)
    try:
        made = await service.make_renditions(store, Decoder(), fingerprint)
        async with shop.db.transaction() as conn:
            wanted = await service.record_renditions(conn, made)
            if not wanted:
                await service.remove(conn, store, made)
    except MediaMissing:
        return await _missing(shop, fingerprint)
    except MediaCorrupt as problem:
        raise Hopeless(f"{problem} is not what was stored") from problem
    except PictureRefused as problem:
        raise (NotNow if problem.reason is Refusal.BUSY else Hopeless)(str(problem)) from problem
    except (MediaAway, MediaFull) as problem:
        raise NotNow(str(problem)) from problem
    finally:
        await store.close()


@promised("tasks.media.remove")
async def remove(shop: Workshop, held: Lease, *, names: list[str]) -> None:
    """Remove the files of a picture that nothing refers to any more."""
    store = open_store(shop.settings.media_url, shop.db)
    try:
        async with shop.db.transaction() as conn:
            await service.remove(conn, store, names)
    except MediaAway as problem:
        raise NotNow(str(problem)) from problem
    finally:
        await store.close()


@promised("tasks.media.tidy")
async def tidy(shop: Workshop, held: Lease) -> None:
    """Every hour forget pictures that nothing refers to, and files that no picture has."""
    async with shop.db.read() as conn:
        last = await fact(conn, TIDIED)
    now = datetime.now(UTC)
    if last and now - datetime.fromisoformat(last["at"]) < TIDY_EVERY:
        return
    await tidy_up(shop, now)
    async with shop.db.transaction() as conn:
        await state_fact(conn, TIDIED, {"at": now.isoformat()})


async def tidy_up(shop: Workshop, now: datetime, grace: timedelta = service.GRACE) -> None:
    """Forget orphans and strays older than `grace`."""
    forgotten = True
    while forgotten:
        async with shop.db.transaction() as conn:
            forgotten = bool(await service.forget_orphans(conn, grace))
    store = open_store(shop.settings.media_url, shop.db)
    try:
        await _remove_strays(shop, store, now - grace)
    except MediaAway as problem:
        raise NotNow(str(problem)) from problem
    finally:
        await store.close()


async def _remove_strays(shop: Workshop, store: MediaStore, before: datetime) -> None:
    """Files of an upload that died before its row was written."""
    names: list[str] = []
    async for listed in store.listing():
        if listed.kept_at < before:
            names.append(listed.name)
        if len(names) >= BATCH:
            await _remove_unknown(shop, store, names)
            names = []
    await _remove_unknown(shop, store, names)


async def _remove_unknown(shop: Workshop, store: MediaStore, names: list[str]) -> None:
    async with shop.db.read() as conn:
        unknown = await strays_among(conn, names)
    for name in unknown:
        async with shop.db.transaction() as conn:
            await service.remove(conn, store, [name])


async def _missing(shop: Workshop, fingerprint: str) -> None:
    """Without its original a picture is lost, unless it was forgotten on purpose."""
    async with shop.db.read() as conn:
        if await service.is_known(conn, fingerprint):
            raise Hopeless(f"the original of {fingerprint} is not in the store")
