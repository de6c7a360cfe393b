"""Requests as bytes and replies as values; nothing here touches a socket. Every integer is big-endian."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from enum import IntEnum
from functools import lru_cache
from typing import Final, NamedTuple

from shop.media.fastdfs.errors import LinkLost
from shop.media.fastdfs.file_ids import FileId, checked_extension, checked_prefix

REPLY: Final = 100
HEADER: Final = struct.Struct(">qBB")  # signed: old servers can send a negative length
TWO: Final = struct.Struct(">qq")
ONE: Final = struct.Struct(">q")
ADDRESS_WIDTHS: Final = (15, 45)
# No honest reply of a kind is longer (bytes).
FROM_TRACKER: Final = 1 << 20
METADATA: Final = 256 * 1024
SHORT: Final = 256
NAME_BYTES, VALUE_BYTES = 64, 256


class Command(IntEnum):
    """The commands of trackers (82 to 111) and storages that a client may send."""

    UPLOAD = 11
    DELETE = 12
    SET_METADATA = 13
    DOWNLOAD = 14
    GET_METADATA = 15
    UPLOAD_SLAVE = 21
    FILE_INFO = 22
    UPLOAD_APPENDER = 23
    APPEND = 24
    MODIFY = 34
    TRUNCATE = 36
    REGENERATE_NAME = 38
    QUIT = 82
    LIST_ONE_GROUP = 90
    LIST_GROUPS = 91
    LIST_STORAGES = 92
    STORE = 101
    FETCH = 102
    UPDATE = 103
    STORE_IN_GROUP = 104
    FETCH_ALL = 105
    STORE_ALL = 106
    STORE_IN_GROUP_ALL = 107
    ACTIVE_TEST = 111


CARRYING: Final = frozenset(
    {Command.UPLOAD, Command.UPLOAD_SLAVE, Command.UPLOAD_APPENDER, Command.APPEND, Command.MODIFY}
)


class Request(NamedTuple):
    """One request: its fixed part, and the content of a file when it carries one; `limit` bounds the reply (bytes)."""

    command: int
    body: bytes = b""
    content: bytes = b""
    flags: int = 0
    limit: int = SHORT

    @property
    def head(self) -> bytes:
        """Header and fixed part, which have to leave in one piece."""
        return HEADER.pack(len(self.body) + len(self.content), self.command, self.flags) + self.body

    @property
    def carries_content(self) -> bool:
        """Whether the connection is lost with any refusal, for the rest of the content may be taken for requests."""
        return self.command in CARRYING


class Server(NamedTuple):
    """Where a storage listens."""

    host: str
    port: int


class Place(NamedTuple):
    """Where to store: a group, a storage of it, and which of its disks."""

    group: str
    server: Server
    path: int


class FileInfo(NamedTuple):
    """What a storage knows of a file: size (bytes), creation (Unix seconds), CRC-32, the storage it came to first."""

    size: int
    created_at: int
    crc32: int
    source: str


def upload(path: int, extension: bytes, content: bytes, command: Command = Command.UPLOAD) -> Request:
    """Store a file, or one that can grow; the extension in its six bytes."""
    return Request(command, bytes([path]) + ONE.pack(len(content)) + extension, content)


def upload_slave(master: FileId, prefix: str, extension: str, content: bytes) -> Request:
    """Store a file beside its master, under its name and a prefix; raises ValueError."""
    name = master.name.encode()
    fixed = TWO.pack(len(name), len(content)) + checked_prefix(prefix) + checked_extension(extension)
    return Request(Command.UPLOAD_SLAVE, fixed + name, content)


def download(file: FileId, offset: int, length: int, limit: int) -> Request:
    """Read `length` bytes from `offset` on; 0 means to the end."""
    return Request(Command.DOWNLOAD, TWO.pack(offset, length) + file.wire, limit=limit)


def about(command: Command, file: FileId, *, flags: int = 0) -> Request:
    """Delete a file, or ask for its metadata or for what is known of it."""
    return Request(command, file.wire, flags=flags, limit=METADATA if command is Command.GET_METADATA else SHORT)


def set_metadata(file: FileId, items: Mapping[str, str], *, merge: bool) -> Request:
    """Replace all metadata or those of equal names; raises ValueError for what a server would spoil."""
    packed, flag = pack_metadata(items), b"M" if merge else b"O"
    return Request(Command.SET_METADATA, TWO.pack(len(file.name), len(packed)) + flag + file.wire + packed)


def append(file: FileId, content: bytes) -> Request:
    """Add to the end of an appender file."""
    name = file.name.encode()
    return Request(Command.APPEND, TWO.pack(len(name), len(content)) + name, content)


def modify(file: FileId, offset: int, content: bytes) -> Request:
    """Write over a part of an appender file."""
    name = file.name.encode()
    return Request(Command.MODIFY, ONE.pack(len(name)) + TWO.pack(offset, len(content)) + name, content)


def truncate(file: FileId, size: int) -> Request:
    """Cut an appender file."""
    return Request(Command.TRUNCATE, TWO.pack(len(file.name), size) + file.name.encode())


def regenerate_name(file: FileId) -> Request:
    """Make an appender file a normal one; it gets another name."""
    return Request(Command.REGENERATE_NAME, file.name.encode())


def pack_metadata(items: Mapping[str, str]) -> bytes:
    """Names and values as they travel; raises ValueError, for servers spoil what is too long."""
    packed = []
    for name, value in items.items():
        left, right = name.encode(), value.encode()
        if not left or len(left) > NAME_BYTES or len(right) > VALUE_BYTES or {1, 2} & {*left, *right}:
            raise ValueError("metadata: a name of 1 to 64 bytes, a value of up to 256, neither with 0x01 or 0x02")
        packed.append(left + b"\2" + right)
    return b"\1".join(packed)


def read_metadata(body: bytes) -> dict[str, str]:
    """Metadata of a file by name."""
    pairs = (item.partition(b"\2") for item in body.split(b"\1") if item)
    return {name.decode("utf-8", "replace"): value.decode("utf-8", "replace") for name, _, value in pairs}


@lru_cache(maxsize=64)  # trackers name the same few storages again and again
def read_place(body: bytes) -> Place:
    """Where a tracker wants a file stored (101, 104)."""
    width = _width(len(body) - 25)
    return Place(text(body[:16]), _server(body, 16, width), body[-1])


def read_places(body: bytes) -> list[Place]:
    """All storages of a group where a file may be stored (106, 107)."""
    group, path, entries = text(body[:16]), body[-1], body[16:-1]
    return [Place(group, server, path) for server in _servers(entries)]


@lru_cache(maxsize=64)
def read_source(body: bytes) -> Server:
    """The storage a tracker names for a file (102, 103)."""
    return _server(body, 16, _width(len(body) - 24))


def read_sources(body: bytes) -> list[Server]:
    """All storages that have a file (105): one port for each from 6.16.0 on, one for all before."""
    entries = body[16:]
    if any(_is_list_of_servers(entries, width) for width in ADDRESS_WIDTHS):
        return _servers(entries)
    for width in ADDRESS_WIDTHS:
        more = entries[width + 8 :]
        if len(more) % width == 0 and _is_list_of_servers(entries[: width + 8], width):
            first = _server(entries, 0, width)
            return [first, *(Server(text(more[at : at + width]), first.port) for at in range(0, len(more), width))]
    raise LinkLost(f"a list of servers of {len(body)} bytes", answered=True)


def read_file_id(body: bytes) -> FileId:
    """The id a storage gave a new file."""
    try:
        return FileId.checked(text(body[:16]), body[16:].decode("ascii"))
    except ValueError:
        raise LinkLost("a storage gave a file no usable name", answered=True) from None


def read_file_info(body: bytes) -> FileInfo:
    """What a storage knows of a file."""
    if len(body) not in (40, 70):
        raise LinkLost(f"file information of {len(body)} bytes", answered=True)
    size, created_at, crc32 = struct.unpack_from(">qqq", body)
    return FileInfo(size, created_at, crc32 & 0xFFFFFFFF, text(body[24:]))


def text(field: bytes) -> str:
    """A field of fixed width, up to its first NUL."""
    return field.split(b"\0", 1)[0].decode("ascii", "replace")


def _servers(entries: bytes) -> list[Server]:
    for width in ADDRESS_WIDTHS:
        if _is_list_of_servers(entries, width):
            return [_server(entries, at, width) for at in range(0, len(entries), width + 8)]
    raise LinkLost(f"a list of servers of {len(entries)} bytes", answered=True)


def _is_list_of_servers(entries: bytes, width: int) -> bool:
    """Whether it divides into addresses with plausible ports; a length alone may fit both widths."""
    if not entries or len(entries) % (width + 8):
        return False
    ports = (ONE.unpack_from(entries, at + width)[0] for at in range(0, len(entries), width + 8))
    return all(0 < port < 65536 for port in ports)


def _server(body: bytes, at: int, width: int) -> Server:
    (port,) = ONE.unpack_from(body, at + width)
    host = text(body[at : at + width])
    if not host or not 0 < port < 65536:
        raise LinkLost("a tracker named no usable address", answered=True)
    return Server(host, port)


def _width(width: int) -> int:
    if width not in ADDRESS_WIDTHS:
        raise LinkLost(f"an address of {width} bytes", answered=True)
    return width
