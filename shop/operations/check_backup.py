"""Is there a backup of last night, and is the log being archived at this moment?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Final

from shop.operations.backup_settings import BackupSettings, BackupSettingsError
from shop.operations.base_backup import labels
from shop.operations.depot import DepotError, open_depot
from shop.operations.findings import Finding, error, fine, warning
from shop.operations.wal_archive import HEARTBEAT

BACKUP: Final = "backup"
AGE_HOURS: Final = (26.0, 50.0)  # warn, fail: one is taken each night
SILENT_SECONDS: Final = 60.0


def check_backup(environ: Mapping[str, str]) -> list[Finding]:
    """What lies in the depot, if this host knows where that is (config/backup.example)."""
    if not environ.get("BACKUP_URL"):
        return []
    try:
        settings = BackupSettings.load(environ)
        depot = open_depot(settings.url)
        found = [*_newest([label.finished_at for label in labels(depot)]), *_archive(depot.age(HEARTBEAT))]
    except (BackupSettingsError, DepotError, OSError) as problem:
        return [error(BACKUP, f"{problem} Correct the BACKUP_ settings, or look at the place.")]
    return found or [fine(BACKUP, "was taken, and the log is archived.")]


def _newest(finished: list[str]) -> Iterator[Finding]:
    if not finished:
        yield error(BACKUP, "there is none; run `run.py backup`, and start shop-backup.timer.")
        return
    hours = (datetime.now(UTC) - datetime.fromisoformat(max(finished))).total_seconds() / 3600
    warn, fail = AGE_HOURS
    if hours > warn:
        say = error if hours > fail else warning
        yield say(BACKUP, f"the newest is {hours:.0f} h old; look at shop-backup.service, and run `run.py backup`.")


def _archive(age: float | None) -> Iterator[Finding]:
    if age is None or age > SILENT_SECONDS:
        since = "never" if age is None else f"not for {age:.0f} s"
        yield error(BACKUP, f"the log was archived {since}, so a crash would lose what is newer; start shop-archive.")
