"""File ids such as group1/M00/00/00/fwAAC2sCqCCAIPapAAAAZFjJMvU787.jpg: checked before they go into a request, and what they tell."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address
from typing import Final, NamedTuple

GROUP: Final = re.compile(r"[A-Za-z0-9]{1,16}")
NAME: Final = re.compile(r"M[0-9A-F]{2}/[0-9A-F]{2}/[0-9A-F]{2}/[A-Za-z0-9._-]+")
EXTENSION: Final = re.compile(r"[A-Za-z0-9_.-]{0,6}")
PREFIX: Final = re.compile(r"[A-Za-z0-9_.-]{1,16}")
NAME_LENGTHS: Final = range(22, 128)
BASE64: Final = slice(10, 37)
LENGTH: Final = slice(18, 34)  # of these, the bytes with the size
NORMAL_LENGTH, TRUNK_LENGTH = 44, 60
LARGEST_ID: Final = (1 << 24) - 1
APPENDER, TRUNK, SHORT = 1 << 58, 1 << 59, 1 << 63


class FileId(NamedTuple):
    """A group and the name of a file in it; `str()` writes it whole."""

    group: str
    name: str

    @classmethod
    def parse(cls, text: str) -> FileId:
        """Reads an id; raises ValueError for what no cluster has ever given out."""
        group, _, name = text.partition("/")
        return cls.checked(group, name)

    @classmethod
    def checked(cls, group: str, name: str) -> FileId:
        """The same of its two parts."""
        if not GROUP.fullmatch(group) or len(name) not in NAME_LENGTHS or not NAME.fullmatch(name):
            raise ValueError("this is no file id of FastDFS")
        return cls(group, name)

    def __str__(self) -> str:
        return f"{self.group}/{self.name}"

    @property
    def wire(self) -> bytes:
        """As it stands in a request: the group in 16 bytes, then the name."""
        return self.group.encode().ljust(16, b"\0") + self.name.encode()

    @property
    def size(self) -> int | None:
        """Bytes, where the name tells: not for an appender, which may have grown, nor for a slave."""
        try:
            length = int.from_bytes(urlsafe_b64decode(self.name[LENGTH])[2:10])
        except ValueError:
            return None
        if length & APPENDER or len(self.name) != (TRUNK_LENGTH if length & TRUNK else NORMAL_LENGTH):
            return None
        return length & 0xFFFFFFFF if length & (SHORT | TRUNK) else length

    @property
    def fields(self) -> Fields:
        """What the name tells; a slave's tells of its master. Raises ValueError for a name that tells nothing."""
        return Fields.decode(self.name)


@dataclass(frozen=True, slots=True)
class Fields:
    """What a storage wrote into a name; `size` (bytes) is None for an appender, which may have grown, and for a slave."""

    store_path: int
    source: str
    created_at: int
    size: int | None
    crc32: int
    is_appender: bool
    is_trunk: bool
    is_slave: bool

    @classmethod
    def decode(cls, name: str) -> Fields:
        """Reads the 27 characters behind the folders."""
        try:
            raw = urlsafe_b64decode(name[BASE64] + "=")
        except ValueError:
            raise ValueError("this name tells nothing") from None
        if len(raw) != 20:
            raise ValueError("this name tells nothing")
        length = int.from_bytes(raw[8:16])
        is_appender, is_trunk = bool(length & APPENDER), bool(length & TRUNK)
        is_slave = len(name) > (TRUNK_LENGTH if is_trunk else NORMAL_LENGTH)
        size = length & 0xFFFFFFFF if length & (SHORT | TRUNK) else length
        return cls(
            store_path=int(name[1:3], 16),
            source=_source(raw[:4]),
            created_at=int.from_bytes(raw[4:8]),
            size=None if is_appender or is_slave else size,
            crc32=int.from_bytes(raw[16:20]),
            is_appender=is_appender,
            is_trunk=is_trunk,
            is_slave=is_slave,
        )


def _source(raw: bytes) -> str:
    """An address, or the number of a storage where the cluster names them so."""
    number = int.from_bytes(raw, "little")
    return str(number) if 1 <= number <= LARGEST_ID else str(IPv4Address(raw))


@lru_cache(maxsize=16)
def checked_extension(extension: str) -> bytes:
    """The extension in its six bytes; raises ValueError."""
    if not EXTENSION.fullmatch(extension):
        raise ValueError("an extension is up to six of A-Z a-z 0-9 - _ .")
    return extension.encode().ljust(6, b"\0")


def checked_prefix(prefix: str) -> bytes:
    """The prefix of a slave in its sixteen bytes; raises ValueError."""
    if not PREFIX.fullmatch(prefix):
        raise ValueError("a prefix is up to sixteen of A-Z a-z 0-9 - _ .")
    return prefix.encode().ljust(16, b"\0")


def checked_group(group: str) -> bytes:
    """The group in its sixteen bytes; raises ValueError."""
    if not GROUP.fullmatch(group):
        raise ValueError("a group is up to sixteen of A-Z a-z 0-9")
    return group.encode().ljust(16, b"\0")
