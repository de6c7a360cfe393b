"""What a backup needs to know. Apart from the shop's settings, for no web process should hold the key of the backups."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self
from urllib.parse import unquote, urlsplit

PREFIX: Final = "BACKUP_"
NAMES: Final = frozenset({"URL", "KEY", "DATABASE_URL", "KEEP", "SPOOL"})


class BackupSettingsError(Exception):
    """One sentence naming the BACKUP_ variable that is wrong; it never shows a value."""


@dataclass(frozen=True)
class BackupSettings:
    """Where to, with which key, from which server, how many."""

    url: str
    key: bytes = field(repr=False)
    database_url: str = field(repr=False)
    keep: int
    spool: Path
    media: Path | None

    @classmethod
    def load(cls, environ: Mapping[str, str]) -> Self:
        """Read the BACKUP_ variables (config/backup.example) and SHOP_MEDIA_URL; raises BackupSettingsError."""
        given = {name.removeprefix(PREFIX): value for name, value in environ.items() if name.startswith(PREFIX)}
        for name in sorted(set(given) - NAMES):
            raise BackupSettingsError(f"BACKUP_{name} is not a setting; config/backup.example lists them all.")
        for name in ("URL", "KEY"):
            if not given.get(name):
                raise BackupSettingsError(f"BACKUP_{name} is missing; config/backup.example says what it is.")
        media = urlsplit(environ.get("SHOP_MEDIA_URL", ""))
        return cls(
            url=given["URL"],
            key=_key(given["KEY"]),
            database_url=given.get("DATABASE_URL", ""),
            keep=_count(given.get("KEEP") or "7"),
            spool=Path(given.get("SPOOL") or "/var/lib/bayberry/wal"),
            media=Path(unquote(media.path)) if media.scheme == "file" else None,
        )


def _key(text: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except binascii.Error:
        key = b""
    if len(key) != 32:
        raise BackupSettingsError("BACKUP_KEY has to be 32 bytes in base64; `openssl rand -base64 32` makes one.")
    return key


def _count(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise BackupSettingsError("BACKUP_KEEP has to be a number of backups, at least 1.")
    return int(text)
