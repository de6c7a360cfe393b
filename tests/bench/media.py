"""What FastDFS costs the process: an upload and a download of 50 KB, against a server in a process of its own.

Goal: at most 0.2 ms of CPU for both together on uvloop, as `serve` runs, whether the reader stored the file itself (three requests, as
the shop does) or not (four), and then at most twice what the same bytes cost on bare connections, in turn with ours. Plain asyncio
is told beside it. Run: make bench ARGS=media. Medians of nine rounds.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple

import uvloop

from shop.media.fastdfs import FastDFS
from shop.media.fastdfs.protocol import HEADER, Command, Server, read_place
from tests.bench.results import Result
from tests.bench.shop import Shops

GOAL, RATIO = 200.0, 2.0  # µs; times the bare bytes
FILES = 400
ROUNDS = 9
CALLERS = 16
CONTENT = os.urandom(50_000)
GROUP = b"group1".ljust(16, b"\0")
Work = Callable[[], Coroutine[Any, Any, bytes]]


class Bare(asyncio.Protocol):
    """As little as can be between a request and its reply: no deadline, no check, no pool."""

    transport: asyncio.Transport
    reply: asyncio.Future[bytes]

    def connection_made(self, transport: Any) -> None:
        self.transport, self.chunks, self.missing = transport, [b""] * 0, 0

    def data_received(self, data: bytes) -> None:
        if not self.chunks:
            self.missing = HEADER.size + HEADER.unpack_from(data)[0]
        self.chunks.append(data)
        self.missing -= len(data)
        if not self.missing:
            self.reply.set_result(b"".join(self.chunks)[HEADER.size :])
            self.chunks = []

    async def ask(self, command: Command, body: bytes, content: bytes = b"") -> bytes:
        self.reply = asyncio.get_running_loop().create_future()
        self.transport.writelines((HEADER.pack(len(body) + len(content), command, 0) + body, content))
        return await self.reply


class Costs(NamedTuple):
    """CPU µs for both together; `ratio` of all four requests against the bare ones."""

    read_back: float
    read_by_another: float
    bare: float
    ratio: float


async def bare(port: int) -> Work:
    """The four requests of an upload and a download on a pair of bare connections."""
    loop = asyncio.get_running_loop()
    _, tracker = await loop.create_connection(Bare, "127.0.0.1", port)
    place = read_place(await tracker.ask(Command.STORE_IN_GROUP, GROUP))
    _, storage = await loop.create_connection(Bare, place.server.host, place.server.port)

    async def work() -> bytes:
        await tracker.ask(Command.STORE_IN_GROUP, GROUP)
        fixed = struct.pack(">bq6s", place.path, len(CONTENT), b"webp")
        file = await storage.ask(Command.UPLOAD, fixed, CONTENT)
        await tracker.ask(Command.FETCH, file)
        return await storage.ask(Command.DOWNLOAD, bytes(16) + file)

    return work


async def cost(workers: list[Work]) -> float:
    """CPU µs of this process for an upload and a download, one of each worker at a time."""

    async def carry(work: Work) -> None:
        for _ in range(FILES // CALLERS):
            assert len(await work()) == len(CONTENT)

    began = time.process_time()
    await asyncio.gather(*map(carry, workers))
    return (time.process_time() - began) / FILES * 1e6


async def compared(port: int) -> Costs:
    """Each in turn with the others."""
    store = FastDFS([Server("127.0.0.1", port)], "group1")
    reader = FastDFS([Server("127.0.0.1", port)], "group1")

    async def read_back() -> bytes:
        return await store.download(await store.upload(CONTENT, "webp"))

    async def read_by_another() -> bytes:
        return await reader.download(await store.upload(CONTENT, "webp"))

    least = [await bare(port) for _ in range(CALLERS)]
    kinds: list[list[Work]] = [[read_back] * CALLERS, [read_by_another] * CALLERS, least]
    rounds = [[await cost(workers) for workers in kinds] for _ in range(ROUNDS + 1)][1:]
    store.close()
    reader.close()
    back, other, plain = (statistics.median(figures) for figures in zip(*rounds, strict=True))
    return Costs(back, other, plain, statistics.median(other / plain for _, other, plain in rounds))


def main(shops: Shops) -> list[Result]:
    """On a server of its own, in a process of its own."""
    command = [sys.executable, "-m", "tests.media.fastdfs_server"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            port = int(server.stdout.readline())
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                fast = runner.run(compared(port))
            with asyncio.Runner() as runner:
                plain = runner.run(compared(port))
        finally:
            server.kill()
    for name, told in (("uvloop", fast), ("plain asyncio", plain)):
        print(
            f"{name}: 50 KB stored and read back {told.read_back:.0f} µs, read by another {told.read_by_another:.0f}, "
            f"bare {told.bare:.0f}, ratio {told.ratio:.2f}"
        )
    return [
        Result("FastDFS, 50 KB stored and read back", fast.read_back, GOAL, "µs CPU"),
        Result("FastDFS, 50 KB stored and read by another client", fast.read_by_another, GOAL, "µs CPU"),
        Result("FastDFS, the latter against bare connections", fast.ratio, RATIO, "times the CPU"),
    ]
