"""A cluster whose trackers and storages die, hang, lag, fill up and come back: the client answers in time, with the right words."""

from __future__ import annotations

import asyncio
import random
import struct
import time
from collections.abc import AsyncIterator

import pytest

from shop.media.fastdfs import (
    FastDFS,
    FastDFSError,
    FileId,
    FileNotThere,
    LinkLost,
    NoRoom,
    NothingAvailable,
    RequestRefused,
)
from shop.media.fastdfs.client import SECONDS
from shop.media.fastdfs.link import Link
from shop.media.fastdfs.protocol import Command, Request, Server
from tests.media.fastdfs_server import FakeCluster


@pytest.fixture(params=[15, 45], ids=["ipv4", "ipv6-width"])
async def cluster(request: pytest.FixtureRequest) -> AsyncIterator[FakeCluster]:
    async with FakeCluster(width=request.param) as cluster:
        yield cluster
        assert cluster.violations == []


@pytest.fixture
async def one() -> AsyncIterator[FakeCluster]:
    async with FakeCluster() as cluster:
        yield cluster
        assert cluster.violations == []


def soon(seconds: float = 5.0) -> float:
    """So many seconds from now, on the loop's clock."""
    return asyncio.get_running_loop().time() + seconds


def client_of(cluster: FakeCluster, **options: float) -> FastDFS:
    trackers = [Server("127.0.0.1", tracker.port) for tracker in cluster.trackers]
    return FastDFS(trackers, "group1", **options)  # type: ignore[arg-type]


async def test_a_file_is_stored_read_described_and_removed(cluster: FakeCluster) -> None:
    client = client_of(cluster)
    content = random.randbytes(50_000)
    file = await client.upload(content, "webp")
    assert str(file).endswith(".webp")
    assert await client.download(file) == content
    assert await client.download(file, 49_990) == content[-10:]
    assert await client.download(file, 10, 20) == content[10:30]
    assert await client.download(file, 49_990, 500) == content[-10:]
    assert await client.download(file, 50_000) == b""
    for offset, length in ((50_001, 0), (-1, 0), (0, -1)):
        with pytest.raises(ValueError, match="50000 bytes"):
            await client.download(file, offset, length)
    info = await client.info(file)
    assert (info.size, info.crc32) == (50_000, file.fields.crc32)
    await client.set_metadata(file, {"width": "160", "name": "苹果"})
    await client.set_metadata(file, {"width": "320"}, merge=True)
    assert await client.metadata(file) == {"width": "320", "name": "苹果"}
    assert [(group.name, group.storages, group.active) for group in await client.groups()] == [("group1", 2, 2)]
    await client.delete(file)
    for gone in (client.delete(file), client.info(file), client.download(file)):
        with pytest.raises(FileNotThere):
            await gone
    client.close()


async def test_an_empty_file_is_never_asked_for(one: FakeCluster) -> None:
    client = client_of(one)
    file = await client.upload(b"")
    assert await client.download(file) == b""
    assert Command.DOWNLOAD not in [command for storage in one.storages for command in storage.requests]
    client.close()


async def test_what_a_server_would_spoil_or_refuse_is_never_sent(one: FakeCluster) -> None:
    client = client_of(one)
    file = await client.upload(b"abc", "txt")
    with pytest.raises(ValueError, match="extension"):
        await client.upload(b"abc", "a/g")
    for items in ({"a" * 65: ""}, {"a": "b" * 257}, {"a\x01": "b"}, {"a": "b\x02"}, {"": "b"}):
        with pytest.raises(ValueError, match="metadata"):
            await client.set_metadata(file, items)
    client.close()


async def test_a_dead_tracker_is_passed_over(one: FakeCluster) -> None:
    client = client_of(one)
    await one.trackers[0].kill()
    files = [await client.upload(bytes([n]), "bin") for n in range(4)]
    assert [await client.download(file) for file in files] == [b"\0", b"\1", b"\2", b"\3"]
    client.close()


async def test_a_tracker_that_was_just_restarted_is_not_believed(one: FakeCluster) -> None:
    one.trackers[0].is_new = True
    client = client_of(one)
    for _ in range(4):
        await client.upload(b"abc")
    one.trackers[1].is_new = True
    with pytest.raises(NothingAvailable, match="no storage"):
        await client.upload(b"abc")
    client.close()


async def test_a_dead_storage_is_replaced_by_another(one: FakeCluster) -> None:
    client = client_of(one)
    files = [await client.upload(b"abc") for _ in range(4)]
    await one.storages[0].kill()
    assert [await client.download(file) for file in files] == [b"abc"] * 4
    assert await client.download(await client.upload(b"new")) == b"new"
    client.close()


async def test_a_storage_that_hangs_is_left_for_another(one: FakeCluster) -> None:
    client = client_of(one)
    one.storages[0].hangs = True
    began = time.monotonic()
    file = await client.upload(b"abc")
    assert await client.download(file) == b"abc"
    assert time.monotonic() - began < 11
    client.close()


async def test_a_restarted_storage_costs_nobody_a_request(one: FakeCluster) -> None:
    client = client_of(one)
    files = [await client.upload(bytes([n])) for n in range(6)]
    for storage in one.storages:
        await storage.kill()
        await storage.start()
    assert await asyncio.gather(*(client.download(file) for file in files)) == [bytes([n]) for n in range(6)]
    client.close()


async def test_a_replica_that_lags_sends_us_to_the_source(one: FakeCluster) -> None:
    one.lag = 60
    client = client_of(one)
    for n in range(6):
        file = await client.upload(bytes([n]))
        assert await client.download(file) == bytes([n])
    client.close()


async def test_a_file_is_read_back_where_it_was_stored_and_later_where_a_tracker_says(one: FakeCluster) -> None:
    one.lag = 60
    client = client_of(one)
    files = [await client.upload(bytes([n])) for n in range(4)]
    for tracker in one.trackers:
        tracker.requests.clear()
    assert [await client.download(file) for file in files] == [bytes([n]) for n in range(4)]
    assert [tracker.requests for tracker in one.trackers] == [[], []]
    assert await client.download(files[0]) == b"\0"
    assert sum(tracker.requests.count(Command.FETCH) for tracker in one.trackers) == 1
    client.close()


async def test_no_room_is_said_as_such(one: FakeCluster) -> None:
    one.is_full = True
    client = client_of(one)
    with pytest.raises(NoRoom):
        await client.upload(b"abc")
    client.close()


@pytest.mark.parametrize(("status", "error"), [(28, NoRoom), (22, RequestRefused), (5, RequestRefused)])
async def test_t1_a_refusal_in_mid_upload_ends_the_connection_at_once(
    one: FakeCluster, status: int, error: type[FastDFSError]
) -> None:
    client = client_of(one)
    victim = await client.upload(b"do not delete")
    for storage in one.storages:
        storage.refuses = status
    # Content that is nothing but requests to delete another file: none of it may go out on a connection that is used again.
    deletion = Request(Command.DELETE, victim.wire).head
    content = deletion * (20_000_000 // len(deletion))
    with pytest.raises(error):
        await client.upload(content)
    taken = sum(storage.taken_after_refusal for storage in one.storages)
    assert taken < len(content) // 2
    for storage in one.storages:
        storage.refuses = 0
    before = sum(storage.connections for storage in one.storages)
    for _ in one.storages:  # the trackers name them in turn
        assert await client.download(await client.upload(b"next")) == b"next"
    assert await client.download(victim) == b"do not delete"
    assert sum(storage.connections for storage in one.storages) == before + 1
    client.close()


@pytest.mark.parametrize("seconds", [1.0, pytest.param(SECONDS, marks=pytest.mark.slow)])
async def test_f_o1_a_dead_cluster_is_said_within_six_seconds(one: FakeCluster, seconds: float) -> None:
    client = client_of(one, seconds=seconds)
    file = await client.upload(b"abc")
    for node in (*one.trackers, *one.storages):
        node.hangs = True
    began = time.monotonic()
    upload, download = await asyncio.gather(client.upload(b"abc"), client.download(file), return_exceptions=True)
    assert isinstance(upload, NothingAvailable | LinkLost)
    assert isinstance(download, NothingAvailable | LinkLost)
    assert time.monotonic() - began < 6
    for node in (*one.trackers, *one.storages):
        await node.kill()
    with pytest.raises(NothingAvailable, match="no tracker can be reached"):
        await client.upload(b"abc")
    client.close()


async def test_fifty_at_once_never_meet(one: FakeCluster) -> None:
    client = client_of(one, links=8)

    async def there_and_back(n: int) -> None:
        content = random.Random(n).randbytes(1000 + n * 37)
        for _ in range(4):
            assert await client.download(await client.upload(content, "bin")) == content

    await asyncio.gather(*(there_and_back(n) for n in range(50)))
    assert all(node.connections <= 8 for node in (*one.trackers, *one.storages))
    client.close()


async def test_cancelled_requests_never_leave_their_answer_to_others(one: FakeCluster) -> None:
    client = client_of(one, links=4)
    files = {await client.upload(bytes([n]) * 2000): bytes([n]) * 2000 for n in range(8)}
    chance = random.Random(8)

    async def read(file: FileId) -> None:
        try:
            async with asyncio.timeout(chance.random() * 0.004):
                assert await client.download(file) == files[file]
        except TimeoutError:
            pass

    for _ in range(20):
        await asyncio.gather(*(read(file) for file in files))
    assert [await client.download(file) for file in files] == list(files.values())
    client.close()


@pytest.mark.parametrize(
    "reply",
    [
        struct.pack(">qBB", -1, 100, 0),
        struct.pack(">qBB", 1 << 40, 100, 0),
        struct.pack(">qBB", 0, 99, 0),
        struct.pack(">qBB", 300, 100, 0) + b"x" * 300,
        struct.pack(">qBB", 0, 100, 0) * 2,
        struct.pack(">qBB", 5, 100, 0) + b"abc",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
    ],
)
async def test_nonsense_ends_the_connection(reply: bytes) -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(10)
        writer.write(reply)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(babble, "127.0.0.1", 0)
    link = await Link.open(Server("127.0.0.1", server.sockets[0].getsockname()[1]))
    with pytest.raises(LinkLost):
        await link.ask(Request(Command.ACTIVE_TEST), soon())
    assert not link.is_usable
    with pytest.raises(LinkLost):
        await link.ask(Request(Command.ACTIVE_TEST), soon())
    server.close()


async def test_nobody_pipelines(one: FakeCluster) -> None:
    link = await Link.open(Server("127.0.0.1", one.storages[0].port))
    first = asyncio.create_task(link.ask(Request(Command.ACTIVE_TEST), soon()))
    await asyncio.sleep(0)
    with pytest.raises(LinkLost):
        await link.ask(Request(Command.ACTIVE_TEST), soon())
    assert await first == (0, b"")
    link.abort()


async def test_large_files_go_through_whole(one: FakeCluster) -> None:
    client = client_of(one)
    content = random.randbytes(3_000_000)
    assert await client.download(await client.upload(content)) == content
    client.close()


@pytest.mark.slow
async def test_ten_thousand_small_files_and_some_of_twenty_megabytes(one: FakeCluster) -> None:
    client = client_of(one)
    large = random.randbytes(20_000_000)
    for _ in range(3):
        assert await client.download(await client.upload(large)) == large
    waiting = iter(range(10_000))

    async def carry() -> None:
        for n in waiting:
            content = n.to_bytes(4) * 64
            assert await client.download(await client.upload(content, "bin")) == content

    await asyncio.gather(*(carry() for _ in range(50)))
    assert len(one.files) == 10_003
    client.close()
