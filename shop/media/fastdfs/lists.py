"""What trackers tell of groups and storages, for monitoring: read by the sizes of the entries that releases are known to send."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from shop.media.fastdfs.errors import LinkLost
from shop.media.fastdfs.protocol import text

ACTIVE: Final = 7
STATUSES: Final = {
    0: "INIT", 1: "WAIT_SYNC", 2: "SYNCING", 3: "IP_CHANGED", 4: "DELETED", 5: "OFFLINE", 6: "ONLINE", 7: "ACTIVE",
    9: "RECOVERY", 99: "NONE",
}  # fmt: skip
# Entry size: (address, what lies between address and source, version, with rw mode, with reserved MB, with HTTP port)
STORAGES: Final = {
    612: (16, 128, 6, False, False, True),
    644: (46, 128, 8, False, False, True),
    487: (16, 0, 8, True, True, False),
    517: (46, 0, 8, True, True, False),
}


@dataclass(frozen=True, slots=True)
class Group:
    """A group of storages; space in MiB, `active` storages serve."""

    name: str
    total_mb: int
    free_mb: int
    storages: int
    storage_port: int
    active: int


@dataclass(frozen=True, slots=True)
class Storage:
    """A storage of a group; `is_active` when it serves."""

    id: str
    host: str
    port: int
    status: str
    version: str
    total_mb: int
    free_mb: int

    @property
    def is_active(self) -> bool:
        """Whether it serves."""
        return self.status == STATUSES[ACTIVE]


def read_groups(body: bytes) -> list[Group]:
    """Entries of 105 bytes up to 6.13.0, of 113 since; raises LinkLost for any other size."""
    for size in (105, 113):
        entries = [body[at : at + size] for at in range(0, len(body), size)]
        if len(body) % size == 0 and all(entry[16] == 0 and entry[:1].isalnum() for entry in entries):
            return [_group(entry, reserved=size == 113) for entry in entries]
    raise LinkLost(f"a list of groups of {len(body)} bytes", answered=True)


def read_storages(body: bytes) -> list[Storage]:
    """Entries of a size that some release sends; raises LinkLost for any other."""
    for size in STORAGES:
        if len(body) % size == 0 and all(body[at] in STATUSES for at in range(0, len(body), size)):
            return [_storage(body[at : at + size], size) for at in range(0, len(body), size)]
    raise LinkLost(f"a list of storages of {len(body)} bytes", answered=True)


def _group(entry: bytes, *, reserved: bool) -> Group:
    numbers = list(struct.unpack_from(f">{12 if reserved else 11}q", entry, 17))
    if reserved:
        del numbers[2]
    total, free, _, count, port, _, active, *_ = numbers
    # surprise: 6.13.0 put readable and writable where the HTTP port and the number of active ones were, same size.
    return Group(text(entry[:17]), total, free, count, port, active)


def _storage(entry: bytes, size: int) -> Storage:
    address, domain, version, has_mode, has_reserved, _ = STORAGES[size]
    at = 2 if has_mode else 1
    name, host = text(entry[at : at + 16]), text(entry[at + 16 : at + 16 + address])
    at += 16 + address + domain + 16
    told = text(entry[at : at + version])
    at += version
    _, _, total, free = struct.unpack_from(">4q", entry, at)
    port_at = at + 8 * (9 if has_reserved else 8)
    (port,) = struct.unpack_from(">q", entry, port_at)
    return Storage(name, host, port, STATUSES[entry[0]], told, total, free)
