"""`run.py backup`: a sealed backup of PostgreSQL and the pictures, and the log of every change since."""

from __future__ import annotations

import argparse
import getpass
import os
import signal
import sys
from pathlib import Path

from shop.operations.backup_settings import BackupSettings, BackupSettingsError
from shop.operations.base_backup import labels, take_backup
from shop.operations.depot import DepotError, open_depot
from shop.operations.environment import read_environment
from shop.operations.key_export import export_keys
from shop.operations.postgres_programs import ProgramFailed
from shop.operations.wal_archive import WalArchive

HELP = "take a sealed backup (--stream: archive every change as it happens; settings: config/backup.example)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--environment", type=Path, action="append", default=[], help="a file with settings; may repeat"
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--stream", action="store_true", help="archive the log until SIGTERM; at most 60 s are ever lost")
    what.add_argument("--list", action="store_true", help="list the backups there are")
    what.add_argument("--export-keys", type=Path, metavar="FILE", help="write the keys into FILE, under a passphrase")


def main(arguments: argparse.Namespace) -> int:
    """Do one of the four."""
    try:
        environ = environment_of(arguments.environment)
        if arguments.export_keys:
            return _export(environ, arguments.export_keys)
        settings = BackupSettings.load(environ)
        depot = open_depot(settings.url)
        if arguments.list:
            for label in labels(depot):
                print(f"{label.name}  {label.size:>13,} bytes  {label.pictures} pictures  PostgreSQL {label.major}")
            return 0
        if not settings.database_url:
            raise BackupSettingsError("BACKUP_DATABASE_URL is missing; config/backup.example says what it is.")
        if arguments.stream:
            _stream(WalArchive(settings, depot))
            return 0
        label = take_backup(settings, depot)
    except (BackupSettingsError, DepotError, ProgramFailed, OSError) as problem:
        print(problem, file=sys.stderr)
        return 1
    print(f"{label.name}: {label.size:,} bytes, {label.pictures} pictures")
    return 0


def environment_of(files: list[Path]) -> dict[str, str]:
    """Our environment, with what the files say on top; raises OSError."""
    environ = dict(os.environ)
    for file in files:
        environ |= read_environment(file)
    return environ


def _stream(archive: WalArchive) -> None:
    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, lambda _number, _frame: archive.stop())
    archive.receive()
    try:
        archive.run()
    finally:
        archive.end()


def _export(environ: dict[str, str], path: Path) -> int:
    passphrase = getpass.getpass("Passphrase: ")
    if len(passphrase) < 12 or passphrase != getpass.getpass("Again: "):
        print("They differ, or are shorter than 12 characters.", file=sys.stderr)
        return 1
    print(f"{path} holds {', '.join(export_keys(environ, path, passphrase))}; keep it apart from the backups.")
    return 0
