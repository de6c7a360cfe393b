"""Somebody adds pictures: what arrives is decoded elsewhere, encoded anew, stored under its fingerprint and read back."""

from __future__ import annotations

import hashlib
from typing import Any

from aiohttp.test_utils import TestClient

from shop.db import Database
from shop.media.names import rendition
from shop.settings import Settings
from tests.media.conftest import picture_bytes, send

Studio = TestClient[Any, Any]


async def test_a_picture_is_stored_under_its_fingerprint_and_shown_at_once(studio: Studio, db: Database) -> None:
    status, told = await send(studio, picture_bytes((900, 600)))
    assert status == 200, told
    fingerprint = told["fingerprint"]
    assert told == {
        "location": f"/media/{rendition(fingerprint, 640)}",
        "fingerprint": fingerprint,
        "width": 900,
        "height": 600,
    }
    # The renditions are still promised: the original stands in for them, and nobody keeps it.
    early = await studio.get(told["location"])
    assert (early.status, early.headers["Cache-Control"]) == (200, "public, max-age=5")
    assert hashlib.sha256(await early.read()).hexdigest() == fingerprint
    async with db.read() as conn:
        row = await conn.fetch_one("SELECT * FROM media_files")
        assert row is not None
        assert (row.fingerprint, row.width, row.height, row.created_by) == (fingerprint, 900, 600, "lin")
        promise = await conn.fetch_one("SELECT task, args FROM outbox")
        assert promise is not None
        assert (promise.task, promise.args) == ("tasks.media.make_renditions", {"fingerprint": fingerprint})


async def test_the_same_picture_twice_is_stored_once(studio: Studio, db: Database, settings: Settings) -> None:
    first = await send(studio, picture_bytes(), headers={"X-Person": "lin"})
    second = await send(
        studio, picture_bytes(kind="BMP".replace("BMP", "PNG"), compress_level=0), headers={"X-Person": "tom"}
    )
    assert first == second
    async with db.read() as conn:
        assert await conn.fetch_value("SELECT count(*) FROM media_files") == 1
        assert await conn.fetch_value("SELECT count(*) FROM outbox") == 1
