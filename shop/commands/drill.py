"""A restore that is rehearsed: into a scratch server, with every promise of the shop looked at, and the time it takes."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2.extensions import parse_dsn

from shop.children import run_as
from shop.operations.backup_settings import BackupSettings
from shop.operations.base_backup import Label, manifest_of
from shop.operations.depot import Depot, open_depot
from shop.operations.postgres_programs import ProgramFailed, folder_of
from shop.operations.restoring import ARCHIVE, NoBackup, chosen, free_enough, lay_out
from shop.operations.scratch_server import running
from shop.orders.invariants import INVARIANTS
from shop.placement import unprivileged

NOT_OURS = ("postgres", "template0", "template1")


@dataclass
class Report:
    """What a drill found; sound when nothing is broken."""

    backup: str
    seconds: float = 0.0
    segments: int = 0
    orders: int = 0
    accounts: int = 0
    newest: datetime | None = None
    broken: list[str] = field(default_factory=list)

    @property
    def is_sound(self) -> bool:
        return not self.broken

    def __str__(self) -> str:
        what = f"{self.orders} orders, {self.accounts} accounts, {self.segments} segments of log"
        if self.broken:
            return f"{self.backup}: NOT restorable: {'; '.join(self.broken)} ({what})"
        newest = f", newest order {self.newest:%Y-%m-%d %H:%M:%S %Z}" if self.newest else ""
        return f"{self.backup}: restorable in {self.seconds:.1f} s ({what}{newest})"


def drill(
    settings: BackupSettings, *, at: datetime | None = None, backup: str | None = None, scratch: Path | None = None
) -> Report:
    """Restore, verify, replay, check and throw away; raises NoBackup, BackupDamaged, DepotError or ProgramFailed."""
    depot = open_depot(settings.url)
    began = time.monotonic()
    label = chosen(depot, settings.key, at, backup)
    report = Report(label.name)
    account = unprivileged()
    with _place(scratch, label) as home:
        data = home / "data"
        report.segments = lay_out(depot, settings.key, label, data, at=at, account=account)
        _verify(data, label)
        with running(data, label.major, account) as url:
            report.seconds = time.monotonic() - began
            _look(url, label, report)
            _look_for_pictures(depot, settings.key, label, url, report)
    return report


@contextmanager
def _place(scratch: Path | None, label: Label) -> Iterator[Path]:
    home = Path(tempfile.mkdtemp(prefix="bayberry-drill-", dir=scratch))
    home.chmod(0o755)
    try:
        if not free_enough(home, label):
            raise NoBackup(f"There is no room for a drill in {home.parent}; name another place with --scratch.")
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _verify(data: Path, label: Label) -> None:
    """Every file against the manifest PostgreSQL wrote with the backup."""
    program = str(folder_of(label.major) / "pg_verifybackup")
    checked = run_as(unprivileged(), [program, "--ignore", ARCHIVE, "--quiet", str(data)])
    if checked.returncode:
        raise ProgramFailed(f"pg_verifybackup: {checked.stderr.strip()[-500:]}")


def _look(url: str, label: Label, report: Report) -> None:
    connection = psycopg2.connect(url.format(database=_database(url)))
    connection.autocommit = True
    with connection.cursor() as cursor:
        for name, sql in INVARIANTS.items():
            cursor.execute(sql)
            if rows := cursor.fetchall():
                report.broken.append(f"{name} is broken by {len(rows)} rows")
        report.orders = _value(cursor, "SELECT count(*) FROM orders")
        report.accounts = _value(cursor, "SELECT count(*) FROM accounts")
        report.newest = _value(cursor, "SELECT max(placed_at) FROM orders")
    connection.close()
    program = str(folder_of(label.major) / "pg_amcheck")
    folder = parse_dsn(url.format(database="postgres"))["host"]
    command = [program, "--install-missing", "-h", folder, "-U", "postgres", "-d", _database(url)]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - PostgreSQL's own
    if checked.returncode:
        report.broken.append(f"pg_amcheck: {(checked.stdout + checked.stderr).strip()[-300:]}")


def _look_for_pictures(depot: Depot, key: bytes, label: Label, url: str, report: Report) -> None:
    """Each picture the database knows from before the backup is in it."""
    there = {name.partition("-")[0].partition(".")[0] for name in manifest_of(depot, label, key)}
    if not there:
        return
    connection = psycopg2.connect(url.format(database=_database(url)))
    with connection.cursor() as cursor:
        cursor.execute("SELECT fingerprint FROM media_files WHERE created_at < %s", (label.started_at,))
        missing = {row[0] for row in cursor.fetchall()} - there
    connection.close()
    if missing:
        report.broken.append(f"{len(missing)} pictures are missing")


def _database(url: str) -> str:
    """The database of the shop: the one that is not PostgreSQL's own."""
    connection = psycopg2.connect(url.format(database="postgres"))
    with connection.cursor() as cursor:
        cursor.execute("SELECT datname FROM pg_database WHERE datname <> ALL(%s) ORDER BY oid", (list(NOT_OURS),))
        found = [row[0] for row in cursor.fetchall()]
    connection.close()
    for name in found:
        connection = psycopg2.connect(url.format(database=name))
        with connection.cursor() as cursor:
            is_shop = _value(cursor, "SELECT to_regclass('public.alembic_version') IS NOT NULL")
        connection.close()
        if is_shop:
            return str(name)
    raise ProgramFailed("no database of a shop was restored")


def _value(cursor: Any, sql: str) -> Any:
    cursor.execute(sql)
    return cursor.fetchone()[0]
