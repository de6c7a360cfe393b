"""The life of a picture after it arrived: renditions by the worker, forgotten when nobody shows it, moved to another store."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from PIL import Image

from shop import outbox
from shop.commands import media
from shop.db import Database
from shop.keys import MEDIA
from shop.media.copying import broken_references, copy_all
from shop.media.decoding import Decoder
from shop.media.errors import MediaAway, MediaCorrupt, MediaMissing
from shop.media.local import open_local
from shop.media.names import WIDTHS, original, rendition
from shop.media.service import Stored, keep, put_safely, record
from shop.media.store import MediaStore, open_store
from shop.settings import DEVELOPMENT_MARK, HOME, Settings
from tasks.media import make_renditions, remove, tidy_up
from tasks.runtime import Workshop, fulfil
from tests.media.conftest import picture_bytes, send
from tests.media.fastdfs_server import FakeCluster

Studio = TestClient[Any, Any]


@asynccontextmanager
async def workshop(settings: Settings) -> AsyncIterator[Workshop]:
    shop = await Workshop.open(settings)
    yield shop
    await shop.db.close()


async def keep_promises(shop: Workshop) -> list[str]:
    """Does what a worker does with everything that is due; the tasks it kept."""
    kept = []
    async with shop.db.transaction() as conn:
        rows = await outbox.claim(conn, 100)
    works = {"tasks.media.make_renditions": make_renditions, "tasks.media.remove": remove}
    for row_id, task in rows:
        await fulfil(shop, row_id, works[task])
        kept.append(task)
    return kept


async def add(db: Database, store: MediaStore, colour: str, size: tuple[int, int] = (700, 350)) -> Stored:
    picture = await keep(store, Decoder(), picture_bytes(size, colour=colour))
    async with db.transaction() as conn:
        await record(conn, store, picture, by="lin")
    return picture


async def test_the_worker_makes_three_widths(studio: Studio, db: Database, settings: Settings) -> None:
    _, told = await send(studio, picture_bytes((960, 480)))
    async with workshop(settings) as shop:
        assert await keep_promises(shop) == ["tasks.media.make_renditions"]
    for width in WIDTHS:
        answer = await studio.get(f"/media/{rendition(told['fingerprint'], width)}")
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        with Image.open(io.BytesIO(await answer.read())) as picture:
            assert (picture.format, picture.size) == ("WEBP", (width, width // 2))
    async with db.read() as conn:
        assert await conn.fetch_value("SELECT count(*) FROM media_objects") == 4
        assert await conn.fetch_value("SELECT count(*) FROM outbox") == 0
    assert await broken_references(db, studio.app[MEDIA].store if studio.app else None) == []  # type: ignore[arg-type]
    again = await studio.get(
        told["location"], headers={"If-None-Match": f'"{told["location"].removeprefix("/media/")}"'}
    )
    assert again.status == 304


async def test_what_nobody_shows_is_forgotten_and_what_is_shown_stays(db: Database, settings: Settings) -> None:
    store = open_local(settings.media_url)
    shown, texted, loose = [await add(db, store, colour) for colour in ("#111111", "#222222", "#333333")]
    stray = original(hashlib.sha256(b"an upload that died").hexdigest())
    await store.put(stray, b"?")
    async with db.transaction() as conn:
        await conn.execute(
            'INSERT INTO categories (name, picture) VALUES (\'{"en": "Fruit"}\', %(p)s)', {"p": shown.fingerprint}
        )
        body = {"en": f'<img src="/media/{rendition(texted.fingerprint, 320)}">'}
        await conn.execute(
            "INSERT INTO content_pages (slug, title, body) VALUES ('a', '{\"en\": \"A\"}', %(b)s)", {"b": body}
        )
    async with workshop(settings) as shop:
        await keep_promises(shop)
        await tidy_up(shop, datetime.now(UTC))
        assert await store.exists(original(loose.fingerprint))  # within its days of grace
        await tidy_up(shop, datetime.now(UTC) + timedelta(minutes=1), timedelta(0))
        assert await keep_promises(shop) == ["tasks.media.remove"]
    names = {listed.name async for listed in store.listing()}
    assert names == {
        name
        for one in (shown, texted)
        for name in (original(one.fingerprint), *(rendition(one.fingerprint, width) for width in WIDTHS))
    }
    assert await broken_references(db, store) == []


async def test_a_picture_that_is_added_again_keeps_its_files(db: Database, settings: Settings) -> None:
    store = open_local(settings.media_url)
    first = await add(db, store, "#444444")
    async with workshop(settings) as shop:
        await tidy_up(shop, datetime.now(UTC), timedelta(0))
        assert await add(db, store, "#444444") == first
        await keep_promises(shop)
    assert await store.get(original(first.fingerprint))
    assert await broken_references(db, store) == []


async def test_t2_no_row_without_an_object_that_was_read_back(db: Database, tmp_path: Path) -> None:
    class Forgetful:
        """A folder that loses what it was given."""

        def __init__(self) -> None:
            self.honest = open_local(f"file://{tmp_path}")

        def __getattr__(self, name: str) -> Any:
            return getattr(self.honest, name)

        async def put(self, name: str, data: bytes) -> None:
            await self.honest.put(name, data[: len(data) // 2])

    store: Any = Forgetful()
    with pytest.raises(MediaCorrupt):
        await keep(store, Decoder(), picture_bytes())
    with pytest.raises(MediaMissing):
        async with db.transaction() as conn:
            await record(conn, store, Stored("0" * 64, 1, 1, 1), by="lin")
    async with db.read() as conn:
        assert await conn.fetch_value("SELECT count(*) FROM media_files") == 0
    assert await keep(store.honest, Decoder(), picture_bytes())  # what was half there is replaced


async def test_f_o1_t2_a_dead_store_costs_nobody_a_form_or_a_page(
    studio: Studio, db: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, told = await send(studio, picture_bytes())
    assert studio.app is not None
    store = studio.app[MEDIA].store

    async def away(*_: object) -> Any:
        raise MediaAway("nobody answers")

    with monkeypatch.context() as broken:
        for name in ("get", "put", "exists"):
            broken.setattr(store, name, away)
        answer = await studio.get(told["location"])
        assert (answer.status, answer.content_type) == (503, "image/svg+xml")
        assert answer.headers["Cache-Control"] == "no-store"
        status, said = await send(studio, picture_bytes(colour="#abcdef"))
        assert (status, said["error"]) == (
            503,
            "Pictures cannot be stored just now. Nothing of yours is lost; please try again in a minute.",
        )
        async with db.read() as conn:
            assert await conn.fetch_value("SELECT count(*) FROM media_files") == 1
    assert (await studio.get(told["location"])).status == 200
    assert await broken_references(db, store) == []


@pytest.mark.slow
async def test_f_o1_a_silent_cluster_is_said_within_six_seconds_to_who_adds_a_picture(
    studio: Studio, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert studio.app is not None
    async with FakeCluster() as cluster:
        for node in (*cluster.trackers, *cluster.storages):
            node.hangs = True
        silent = open_store(f"fastdfs://127.0.0.1:{cluster.trackers[0].port}/group1", db)
        media_of_shop = studio.app[MEDIA]
        monkeypatch.setattr(type(media_of_shop), "store", silent)
        began = time.monotonic()
        status, said = await send(studio, picture_bytes())
        assert time.monotonic() - began < 8  # six for the store, the rest for the child that decodes
        assert (status, said["error"].split(".")[0]) == (503, "Pictures cannot be stored just now")
        await silent.close()
    async with db.read() as conn:
        assert await conn.fetch_value("SELECT count(*) FROM media_files") == 0


async def test_a_whole_shop_moves_and_goes_on_where_it_stopped(
    db: Database, settings: Settings, tmp_path: Path
) -> None:
    source = open_local(f"file://{tmp_path}/old")
    pictures = [await add(db, source, colour) for colour in ("#010101", "#020202", "#030303")]
    async with FakeCluster() as cluster:
        target = open_store(f"fastdfs://127.0.0.1:{cluster.trackers[0].port}/group1", db)
        await put_safely(target, original(pictures[0].fingerprint), await source.get(original(pictures[0].fingerprint)))
        spoiled = source.path(original(pictures[1].fingerprint))
        whole = await asyncio.to_thread(spoiled.read_bytes)
        await asyncio.to_thread(spoiled.write_bytes, whole[:-1])
        first = await copy_all(db, source, target)
        assert (first.copied, first.already_there) == (1, 1)
        assert first.failed == [(original(pictures[1].fingerprint), "the source has something else under this name")]
        await asyncio.to_thread(spoiled.write_bytes, whole)
        seen: list[int] = []
        second = await copy_all(db, source, target, lambda so_far: seen.append(so_far.done))
        assert (second.copied, second.already_there, second.failed, seen) == (1, 2, [], [1, 2, 3])
        assert await broken_references(db, target) == []
        await target.close()
        assert cluster.violations == []


async def test_the_command_copies_and_checks(
    db: Database, settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = f"file://{tmp_path}/old", f"file://{tmp_path}/new"
    picture = await add(db, open_local(old), "#0a0b0c")
    moved = settings.model_copy(update={"media_url": new})
    assert await media._check(moved) == 1
    assert await media._copy(settings, old, new) == 0
    assert await media._copy(settings, old, new) == 0
    assert await media._check(moved) == 0
    said = capsys.readouterr()
    assert "1 files copied, 0 were there already, 0 failed" in said.out
    assert "0 files copied, 1 were there already, 0 failed" in said.out
    assert said.err == f"{original(picture.fingerprint)}: missing, or not what was stored\n"
    with pytest.raises(ValueError, match="same place"):
        await media._copy(settings, "fastdfs://one/group1", "fastdfs://two/group1")


async def add_unseen(db: Database, store: MediaStore, count: int) -> None:
    """So many pictures with rows and files that nobody will ever decode."""
    pictures = [random.randbytes(2000) for _ in range(count)]
    digests = [hashlib.sha256(data).hexdigest() for data in pictures]
    for digest, data in zip(digests, pictures, strict=True):
        await store.put(original(digest), data)
    async with db.transaction() as conn:
        await conn.execute(
            "INSERT INTO media_files (fingerprint, width, height, size) SELECT unnest(%(all)s::text[]), 1, 1, 2000",
            {"all": digests},
        )
        await conn.execute(
            "INSERT INTO media_objects (name, fingerprint, digest, size)"
            " SELECT one || '.webp', one, one, 2000 FROM unnest(%(all)s::text[]) AS one",
            {"all": digests},
        )


@pytest.mark.slow
async def test_a_copy_that_was_killed_goes_on_where_it_was(db: Database, settings: Settings, tmp_path: Path) -> None:
    count, old = 300, f"file://{tmp_path}/old"
    await add_unseen(db, open_local(old), count)
    environ = {
        **os.environ,
        DEVELOPMENT_MARK: "1",
        "SHOP_DATABASE_URL": settings.database_url,
        "SHOP_SECRET_KEYS": ",".join(base64.b64encode(key).decode() for key in settings.secret_keys),
    }
    async with FakeCluster() as cluster:
        new = f"fastdfs://127.0.0.1:{cluster.trackers[0].port}/group1"
        command = (sys.executable, "run.py", "media", "copy", old, new)
        killed = await asyncio.create_subprocess_exec(*command, cwd=HOME, env=environ)
        async with asyncio.timeout(60):
            while len(cluster.files) < count // 3:
                await asyncio.sleep(0.001)
        killed.kill()
        assert await killed.wait() == -signal.SIGKILL
        async with db.read() as conn:
            noted = await conn.fetch_value("SELECT count(*) FROM media_locations")
        assert 0 < noted < count
        again = await asyncio.create_subprocess_exec(*command, cwd=HOME, env=environ, stdout=subprocess.PIPE)
        said = (await asyncio.wait_for(again.communicate(), 60))[0].decode()
        assert again.returncode == 0
        assert f"{count - noted} files copied, {noted} were there already, 0 failed" in said
        target = open_store(new, db)
        assert await broken_references(db, target) == []
        await target.close()
        assert cluster.violations == []
