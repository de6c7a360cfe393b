"""`run.py restore`: a data folder as it was, its pictures, its keys; and the drill that shows it would work."""

from __future__ import annotations

import argparse
import getpass
import os
import pwd
import sys
from datetime import datetime
from pathlib import Path

from shop.children import Account
from shop.commands.backup import environment_of
from shop.commands.drill import drill
from shop.operations.backup_settings import BackupSettings, BackupSettingsError
from shop.operations.depot import DepotError, open_depot
from shop.operations.key_export import WrongPassphrase, import_keys
from shop.operations.postgres_programs import ProgramFailed
from shop.operations.restoring import NoBackup, bring_back_pictures, chosen, lay_out
from shop.operations.sealed_files import BackupDamaged

HELP = "restore a backup into an empty folder, at any moment (--drill: into a scratch server, checked and thrown away)"
PROBLEMS = (BackupSettingsError, BackupDamaged, DepotError, NoBackup, ProgramFailed, WrongPassphrase, OSError)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--environment", type=Path, action="append", default=[], help="a file with settings; may repeat"
    )
    parser.add_argument("--at", type=_moment, help="the moment to go back to, as in 2026-11-22T15:00:00+00:00")
    parser.add_argument("--backup", help="the backup to begin with (`run.py backup --list`)")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--to", type=Path, metavar="FOLDER", help="PostgreSQL's data folder, which has to be empty")
    what.add_argument(
        "--drill", action="store_true", help="restore, check everything, tell how long it took, throw away"
    )
    what.add_argument(
        "--keys", type=Path, metavar="FILE", help="print the keys of a file of `run.py backup --export-keys`"
    )
    parser.add_argument("--owner", default="postgres", help="whose the data folder is, when root restores")
    parser.add_argument("--scratch", type=Path, help="where the drill has room (default: the temporary folder)")


def main(arguments: argparse.Namespace) -> int:
    """Do one of the three."""
    try:
        if arguments.keys:
            for name, value in import_keys(arguments.keys, getpass.getpass("Passphrase: ")).items():
                print(f"{name}={value}")
            return 0
        settings = BackupSettings.load(environment_of(arguments.environment))
        if arguments.drill:
            report = drill(settings, at=arguments.at, backup=arguments.backup, scratch=arguments.scratch)
            print(report)
            return 0 if report.is_sound else 1
        _restore(settings, arguments)
    except PROBLEMS as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


def _restore(settings: BackupSettings, arguments: argparse.Namespace) -> None:
    depot = open_depot(settings.url)
    label = chosen(depot, settings.key, arguments.at, arguments.backup)
    owner = _owner(arguments.owner)
    segments = lay_out(depot, settings.key, label, arguments.to, at=arguments.at, account=owner)
    pictures = bring_back_pictures(depot, settings.key, label, settings.media) if settings.media else 0
    print(f"{label.name} with {segments} segments of log is in {arguments.to}; {pictures} pictures came back.")
    print(f"Start PostgreSQL {label.major} on it: it replays the log, and then takes orders. Then: run.py doctor.")


def _owner(name: str) -> Account | None:
    if os.geteuid() != 0:
        return None
    entry = pwd.getpwnam(name)
    return Account(entry.pw_uid, entry.pw_gid)


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise argparse.ArgumentTypeError("say the time zone too, as in 2026-11-22T15:00:00+00:00")
    return moment
