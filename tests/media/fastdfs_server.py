"""A small FastDFS that notes every frame a client gets wrong: trackers and storages on loopback, files in memory.

`python -m tests.media.fastdfs_server` runs one storage and one tracker for the benchmark and prints the tracker's port.
"""

from __future__ import annotations

import asyncio
import random
import re
import struct
import time
import zlib
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from ipaddress import IPv4Address

HEADER = struct.Struct(">QBB")
GROUP = b"group1".ljust(16, b"\0")
NAME = re.compile(rb"M[0-9A-F]{2}/[0-9A-F]{2}/[0-9A-F]{2}/[A-Za-z0-9._-]+")
EXTENSION = re.compile(rb"[A-Za-z0-9_.-]*\0*")
FIXED = {11: 15, 23: 15, 21: 38}


class BadFrame(Exception):
    """A request that a real server would answer with 22."""


@dataclass
class File:
    content: bytearray
    metadata: dict[bytes, bytes] = field(default_factory=dict)
    born: float = field(default_factory=time.monotonic)


class Node:
    """What trackers and storages have in common: they listen, die, hang and come back."""

    def __init__(self, cluster: FakeCluster) -> None:
        self.cluster = cluster
        self.port = 0
        self.is_alive = self.hangs = False
        self.connections = 0
        self.requests: list[int] = []
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, limit=1 << 25)
        self.port = self._server.sockets[0].getsockname()[1]
        self.is_alive, self.hangs = True, False

    async def kill(self) -> None:
        self.is_alive = False
        if self._server is not None:
            self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        try:
            while True:
                length, command, status = HEADER.unpack(await reader.readexactly(HEADER.size))
                if self.hangs:
                    await asyncio.Event().wait()
                self.requests.append(command)
                if status and command != 22:
                    self.cluster.violations.append(f"status {status} in a request {command}")
                answered, body = await self._answer(command, length, reader, writer)
                if reader._buffer:  # type: ignore[attr-defined]  # nobody may pipeline
                    self.cluster.violations.append(f"{len(reader._buffer)} bytes before the reply to {command}")  # type: ignore[attr-defined]
                writer.write(HEADER.pack(len(body), 100, answered) + body)
                await writer.drain()
                if answered == 22:
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _answer(
        self, command: int, length: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> tuple[int, bytes]:
        body = await reader.readexactly(length)
        try:
            return self.told(command, body)
        except BadFrame as problem:
            self.cluster.violations.append(f"{command}: {problem}")
            return 22, b""

    def told(self, command: int, body: bytes) -> tuple[int, bytes]:
        raise NotImplementedError


class FakeTracker(Node):
    """Names the storages that live; `is_new` is one that was just restarted and knows none."""

    is_new = False

    def told(self, command: int, body: bytes) -> tuple[int, bytes]:
        alive = [storage for storage in self.cluster.storages if storage.is_alive]
        if command == 111:
            return 0, b""
        if command == 91:
            return 0, b"group1".ljust(17, b"\0") + struct.pack(
                ">12q", 100, 50, 0, 0, 2, 23000, 2, len(alive), 0, 1, 16, -1
            )
        if command in (101, 106) and body:
            raise BadFrame("a body")
        if command in (104, 107) and body != GROUP:
            return (2, b"") if len(body) == 16 else (22, b"")
        if command in (102, 103, 105):
            _checked(body)
        if self.is_new or not alive:
            return 2, b""
        if self.cluster.is_full and command in (101, 104, 106, 107):
            return 28, b""
        self.cluster.turn += 1
        one = alive[self.cluster.turn % len(alive)]
        match command:
            case 101 | 104:
                return 0, GROUP + self._address(one) + b"\0"
            case 106 | 107:
                return 0, GROUP + b"".join(map(self._address, alive)) + b"\0"
            case 102 | 103:
                name = body[16:]
                holders = [storage for storage in alive if command == 102 or storage.is_source(name)] or alive
                return 0, GROUP + self._address(holders[self.cluster.turn % len(holders)])
            case 105:
                return 0, GROUP + b"".join(map(self._address, alive))
        raise BadFrame("unknown command")

    def _address(self, storage: FakeStorage) -> bytes:
        return b"127.0.0.1".ljust(self.cluster.width, b"\0") + struct.pack(">q", storage.port)


class FakeStorage(Node):
    """Keeps files; others of the group have them `lag` seconds later. `refuses` is the status uploads get in the middle."""

    refuses = 0
    taken_after_refusal = 0

    def __init__(self, cluster: FakeCluster, number: int) -> None:
        super().__init__(cluster)
        self.address = IPv4Address(f"127.0.3.{11 + number}")

    def is_source(self, name: bytes) -> bool:
        return name in self.cluster.files and self.cluster.sources[name] is self

    async def _answer(
        self, command: int, length: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> tuple[int, bytes]:
        if self.refuses and command in FIXED:
            await reader.readexactly(min(length, 1024))
            writer.write(HEADER.pack(0, 100, self.refuses))
            await writer.drain()
            while taken := await reader.read(1 << 16):
                self.taken_after_refusal += len(taken)
            raise ConnectionResetError
        return await super()._answer(command, length, reader, writer)

    def told(self, command: int, body: bytes) -> tuple[int, bytes]:
        numbers = struct.Struct(">qq")
        match command:
            case 111:
                return 0, b""
            case 11 | 23:
                (size,) = struct.unpack_from(">q", body, 1)
                return self._kept(body[9:15], body[15:], size, can_grow=command == 23)
            case 14:
                offset, length = numbers.unpack_from(body)
                file = self._file(body[16:])
                if file is None:
                    return 2, b""
                if not 0 <= offset < len(file.content) or length < 0:
                    return 22, b""
                return 0, bytes(file.content[offset : offset + length if length else None])
            case 12:
                file = self._file(body)
                if file is not None:
                    del self.cluster.files[body[16:]]
                return (0 if file else 2), b""
            case 22:
                file = self._file(body)
                return (0, self._info(file)) if file else (2, b"")
            case 15:
                file = self._file(body)
                items = sorted(file.metadata.items()) if file else []
                return (0, b"\1".join(b"\2".join(item) for item in items)) if items else (2, b"")
            case 13:
                return self._note(body)
        raise BadFrame("unknown command")

    def _kept(self, extension: bytes, content: bytes, size: int, *, can_grow: bool) -> tuple[int, bytes]:
        if size != len(content) or not EXTENSION.fullmatch(extension):
            raise BadFrame("sizes or extension")
        ending = extension.rstrip(b"\0")
        bits = len(content) | 1 << 63 | random.getrandbits(20) << 32 | (1 << 58 if can_grow else 0)
        raw = self.address.packed + struct.pack(">IQI", int(time.time()), bits, zlib.crc32(content))
        filler = str(random.randrange(10**6, 10**7))[: 7 - (len(ending) + 1 if ending else 0)].encode()
        name = b"M00/00/00/" + urlsafe_b64encode(raw).rstrip(b"=") + filler + (b"." + ending if ending else b"")
        self.cluster.files[name] = File(bytearray(content))
        self.cluster.sources[name] = self
        return 0, GROUP + name

    def _note(self, body: bytes) -> tuple[int, bytes]:
        names, sizes = struct.unpack_from(">qq", body)
        flag, rest = body[16:17], body[17:]
        file = self._file(rest[: 16 + names])
        packed = rest[16 + names :]
        if len(packed) != sizes or flag not in (b"O", b"M"):
            raise BadFrame("metadata")
        if file is None:
            return 2, b""
        if flag == b"O":
            file.metadata.clear()
        file.metadata.update(dict(item.split(b"\2", 1) for item in packed.split(b"\1") if item))  # type: ignore[misc]
        return 0, b""

    def _info(self, file: File) -> bytes:
        crc = struct.unpack(">i", struct.pack(">I", zlib.crc32(file.content)))[0]
        return struct.pack(">qqq", len(file.content), int(time.time()), crc) + b"127.0.3.11".ljust(
            self.cluster.width + 1, b"\0"
        )

    def _file(self, body: bytes) -> File | None:
        name = _checked(body)
        file = self.cluster.files.get(name)
        late = file and self.cluster.sources[name] is not self and time.monotonic() < file.born + self.cluster.lag
        return None if late else file


def _checked(body: bytes) -> bytes:
    """The name in a request that carries group and name."""
    name = body[16:]
    if body[:16] != GROUP or not NAME.fullmatch(name) or not 22 <= len(name) <= 127:
        raise BadFrame("a bad file id")
    return name


class FakeCluster:
    """Two trackers and two storages of one group; `width` is that of addresses, 15 or 45."""

    def __init__(self, width: int = 15, storages: int = 2, trackers: int = 2, lag: float = 0.0) -> None:
        self.width, self.lag = width, lag
        self.files: dict[bytes, File] = {}
        self.sources: dict[bytes, FakeStorage] = {}
        self.violations: list[str] = []
        self.is_full = False
        self.turn = 0
        self.trackers = [FakeTracker(self) for _ in range(trackers)]
        self.storages = [FakeStorage(self, number) for number in range(storages)]

    async def __aenter__(self) -> FakeCluster:
        for node in (*self.trackers, *self.storages):
            await node.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        for node in (*self.trackers, *self.storages):
            await node.kill()


async def main() -> None:
    async with FakeCluster(trackers=1, storages=1) as cluster:
        print(cluster.trackers[0].port, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
