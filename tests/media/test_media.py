"""Pictures by fingerprint: kept whole, served for ever, and nothing else is."""

import hashlib
import io
from pathlib import Path

import pytest
from PIL import Image

from shop.db import Database
from shop.media.errors import MediaMissing
from shop.media.local import LocalStore, open_local
from shop.media.names import WIDTHS, is_name, original, rendition
from shop.media.renditions import Renditions, make_renditions
from shop.media.service import put_safely, record_picture
from shop.settings import Settings
from tests.conftest import Visitor


@pytest.fixture(scope="module")
def picture() -> Renditions:
    return make_renditions(Image.new("RGB", (700, 350), "#5f9b41"))


def test_the_fingerprint_is_that_of_the_stored_original(picture: Renditions) -> None:
    whole = picture.files[original(picture.fingerprint)]
    assert hashlib.sha256(whole).hexdigest() == picture.fingerprint
    assert (picture.width, picture.height) == (700, 350)
    for width in WIDTHS:
        with Image.open(io.BytesIO(picture.files[rendition(picture.fingerprint, width)])) as small:
            assert (small.format, small.size) == ("WEBP", (width, width // 2))
    assert make_renditions(Image.new("RGB", (700, 350), "#5f9b41")).fingerprint == picture.fingerprint


def test_a_small_picture_is_never_enlarged() -> None:
    tiny = make_renditions(Image.new("RGBA", (100, 100), (0, 0, 0, 0)))
    assert {len(data) for data in tiny.files.values()} == {len(tiny.files[original(tiny.fingerprint)])}


async def keep_files(store: LocalStore, picture: Renditions) -> None:
    for name, data in picture.files.items():
        await put_safely(store, name, data)


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*.*"))


async def test_a_store_keeps_gives_and_forgets(tmp_path: Path, picture: Renditions) -> None:
    store = LocalStore(tmp_path)
    await keep_files(store, picture)
    assert sorted([listed.name async for listed in store.listing()]) == sorted(picture.files)
    name = rendition(picture.fingerprint, WIDTHS[0])
    assert await store.get(name) == picture.files[name]
    assert files_in(tmp_path) == sorted(picture.files)
    await store.delete(name)
    await store.delete(name)
    assert not await store.exists(name)
    with pytest.raises(MediaMissing):
        await store.get(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "../../etc/passwd",
        "a" * 64,
        "a" * 64 + "-161.webp",
        "A" * 64 + ".webp",
        "a" * 64 + ".webp/..",
        "a" * 63 + "\n.webp",
        "a" * 64 + "-160.webp\n",
    ],
)
async def test_a_name_that_is_none_is_never_looked_up(tmp_path: Path, name: str) -> None:
    assert not is_name(name)
    with pytest.raises(MediaMissing):
        LocalStore(tmp_path).path(name)


@pytest.mark.parametrize("url", ["", "media", "file://elsewhere/media", "https://example.com/media", "file:"])
def test_only_a_folder_is_a_store(url: str) -> None:
    with pytest.raises(ValueError, match="SHOP_MEDIA_URL"):
        open_local(url)


async def test_the_same_picture_twice_is_one_row(db: Database, picture: Renditions) -> None:
    async with db.transaction() as conn:
        assert await record_picture(conn, picture) == await record_picture(conn, picture)
        assert await conn.fetch_value("SELECT count(*) FROM media_files") == 1


async def test_a_picture_is_served_for_ever(client: Visitor, settings: Settings, picture: Renditions) -> None:
    await keep_files(open_local(settings.media_url), picture)
    name = rendition(picture.fingerprint, WIDTHS[1])
    response = await client.get(f"/media/{name}")
    assert response.status == 200
    assert response.content_type == "image/webp"
    assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert await response.read() == picture.files[name]
    for path in (f"/media/{'0' * 64}.webp", "/media/..%2f..%2fsecret-keys", f"/media/{name}%00"):
        assert (await client.get(path)).status == 404
