"""A whole backup: PostgreSQL as one sealed stream, each picture once, and a label that is written last."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import psycopg2

from shop.operations.backup_settings import BackupSettings
from shop.operations.depot import Depot
from shop.operations.postgres_programs import ProgramFailed, newest_client, stream
from shop.operations.sealed_files import fingerprint, sealed, unsealed

BASE: Final = "base/"
WAL: Final = "wal/"
MEDIA: Final = "media/"
LABEL: Final = "label.json"
STARTS: Final = re.compile(rb"START WAL LOCATION: \S+ \(file ([0-9A-F]{24})\)")
READ: Final = 1 << 20


@dataclass(frozen=True)
class Label:
    """What is known of a backup without its key: nothing about customers."""

    name: str
    major: int
    first_segment: str
    started_at: str
    finished_at: str
    size: int
    pictures: int
    key: str


def take_backup(settings: BackupSettings, depot: Depot) -> Label:
    """Take one backup and forget those beyond BACKUP_KEEP; raises ProgramFailed or DepotError."""
    started = datetime.now(UTC)
    name = f"{BASE}{started:%Y%m%dT%H%M%SZ}"
    command = [str(newest_client() / "pg_basebackup"), "-D", "-", "-F", "tar", "-X", "fetch", "-c", "fast"]
    major, start = _major(settings.database_url), _Start()
    tar = start.watched(stream([*command, "-d", settings.database_url]))
    size = depot.put(f"{name}/postgres.tar", sealed(tar, settings.key, f"{name}/postgres.tar"))
    if not start.segment:
        raise ProgramFailed("pg_basebackup wrote no backup_label; is BACKUP_DATABASE_URL a PostgreSQL from 15 on?")
    pictures = _keep_pictures(settings, depot, name)
    label = Label(
        name=name.removeprefix(BASE),
        major=major,
        first_segment=start.segment,
        started_at=started.isoformat(),
        finished_at=datetime.now(UTC).isoformat(),
        size=size,
        pictures=pictures,
        key=fingerprint(settings.key),
    )
    depot.put(f"{name}/{LABEL}", [json.dumps(asdict(label)).encode()])
    forget_old(depot, settings.keep)
    return label


class _Start:
    """Looks over the shoulder of a tar stream for the first segment of the log that the backup needs."""

    def __init__(self) -> None:
        self.segment = ""

    def watched(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        before = b""
        for chunk in chunks:
            if not self.segment and (found := STARTS.search(before + chunk)):
                self.segment = found[1].decode()
            before = chunk[-128:]
            yield chunk


def _major(url: str) -> int:
    try:
        connection = psycopg2.connect(url, connect_timeout=10)
    except psycopg2.OperationalError as problem:
        raise ProgramFailed(f"BACKUP_DATABASE_URL cannot be reached: {str(problem).strip()[:300]}") from None
    connection.close()
    return connection.server_version // 10_000


def _keep_pictures(settings: BackupSettings, depot: Depot, name: str) -> int:
    """Seal the pictures that no backup has yet, and write down which there are: their names are their fingerprints."""
    if settings.media is None:
        return 0
    there = {path.name: path for path in settings.media.glob("*/*") if path.is_file() and path.name[0] != "."}
    kept = {known.removeprefix(MEDIA) for known in depot.names(MEDIA)}
    for picture in sorted(there.keys() - kept):
        depot.put(MEDIA + picture, sealed(_read(there[picture]), settings.key, MEDIA + picture))
    manifest = f"{name}/pictures.json"
    depot.put(manifest, sealed([json.dumps(sorted(there)).encode()], settings.key, manifest))
    return len(there)


def _read(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(READ):
            yield chunk


def labels(depot: Depot) -> list[Label]:
    """All whole backups, oldest first."""
    names = [name for name in depot.names(BASE) if name.endswith(f"/{LABEL}")]
    return [Label(**_json(depot, name)) for name in names]


def _json(depot: Depot, name: str) -> Mapping[str, Any]:
    read: Mapping[str, Any] = json.loads(b"".join(depot.get(name)))
    return read


def manifest_of(depot: Depot, label: Label, key: bytes) -> list[str]:
    """The names of the pictures of one backup."""
    name = f"{BASE}{label.name}/pictures.json"
    if name not in depot.names(f"{BASE}{label.name}/"):
        return []
    found: list[str] = json.loads(b"".join(unsealed(depot.get(name), key, name)))
    return found


def forget_old(depot: Depot, keep: int) -> None:
    """Keep the newest backups, the WAL they need, and nothing that a broken off backup left a day ago."""
    whole = labels(depot)
    kept = {label.name for label in whole[-keep:]}
    for name in depot.names(BASE):
        backup = name.split("/")[1]
        is_whole = any(label.name == backup for label in whole)
        if backup not in kept and (is_whole or _hours_since(backup) > 24):
            depot.delete(name)
    if not whole:
        return
    oldest = whole[-keep:][0].first_segment
    for name in depot.names(WAL):
        segment = name.removeprefix(WAL)[:24]
        if len(segment) == 24 and segment[8:] < oldest[8:]:
            depot.delete(name)


def _hours_since(backup: str) -> float:
    began = datetime.strptime(backup, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    return (time.time() - began) / 3600
