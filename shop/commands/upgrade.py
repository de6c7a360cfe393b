"""`run.py upgrade`: run it from the folder of a new release, and the host runs that; `--back` returns to the one before."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from psycopg2 import OperationalError
from psycopg2.extensions import parse_dsn

from shop.commands.doctor import diagnose
from shop.db.migrations import migrate
from shop.db.migrations.roles import WEB
from shop.operations.environment import read_environment
from shop.operations.findings import Level
from shop.operations.places import Places
from shop.operations.published import publish
from shop.operations.releases import Systemd, Units, UpgradeFailed, compile_all, previous_of, turn_to
from shop.settings import HOME

HELP = "make the release in this folder the one that runs: backup, migrations, assets, restart one by one, check"
LOCK = "serve"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--back", action="store_true", help="return to the release before; the schema stays, it fits both"
    )
    parser.add_argument("--without-backup", action="store_true", help="take none first")
    parser.add_argument("--force", action="store_true", help="even if the doctor finds errors before")
    parser.add_argument("--prefix", type=Path, default=Path("/"), help="of the installation (default /)")


def main(arguments: argparse.Namespace) -> int:
    """Upgrade or return, a line a step."""
    places = Places(arguments.prefix.absolute())
    try:
        for line in go_back(places, Systemd()) if arguments.back else upgrade(places, Systemd(), HOME, arguments):
            print(line, flush=True)
    except (UpgradeFailed, OperationalError, OSError) as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


def upgrade(places: Places, units: Units, release: Path, arguments: argparse.Namespace) -> Iterator[str]:
    """Everything in order; raises UpgradeFailed, and then what ran before still runs."""
    environ = read_environment(places.environment)
    if not arguments.force:
        yield from _sound(places, "before")
    yield from _backed_up(places, arguments.without_backup)
    compile_all(release)
    yield from _migrated(places, environ)
    os.umask(0o022)
    yield f"published  {publish(places.data, environ.get('SHOP_NAME', 'Daily Fresh'))}"
    yield from turn_to(places, release, units)
    try:
        yield from _sound(places, "after")
    except UpgradeFailed as problem:
        yield f"{problem} `run.py upgrade --back` returns to the release before."


def go_back(places: Places, units: Units) -> Iterator[str]:
    """The release before, process by process; raises UpgradeFailed when there is none."""
    before = previous_of(places)
    if not before.exists():
        raise UpgradeFailed("There is no release before this one.")
    yield from turn_to(places, before.resolve(), units)


def _sound(places: Places, when: str) -> Iterator[str]:
    found = [finding for finding in diagnose([places.environment], None) if finding.level]
    yield from (str(finding) for finding in found)
    if any(finding.level is Level.ERROR for finding in found):
        raise UpgradeFailed(f"The doctor found errors {when} the upgrade.")


def _backed_up(places: Places, without: bool) -> Iterator[str]:
    if without:
        return
    if not (places.etc / "backup").exists():
        raise UpgradeFailed(f"{places.etc / 'backup'} is missing (config/backup.example); or say --without-backup.")
    files = [str(places.environment), str(places.etc / "backup")]
    given = [part for file in files for part in ("--environment", file)]
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, str(HOME / "run.py"), "backup", *given], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise UpgradeFailed(f"No backup, no upgrade: {done.stderr.strip()[-300:]}")
    yield f"backed up  {done.stdout.strip()}"


def _migrated(places: Places, environ: dict[str, str]) -> Iterator[str]:
    """Migrations add and never take away, so the processes that still run the old release do not notice."""
    owner = read_environment(places.etc / "owner") if (places.etc / "owner").exists() else {}
    url = owner.get("SHOP_DATABASE_OWNER_URL")
    if not url:
        yield "not migrated  the host with the owner of the database does it; upgrade that one first"
        return
    web = parse_dsn(environ.get("SHOP_DATABASE_URL", "")).get("user", WEB)
    applied = migrate(url, web_role=web)
    yield f"migrated  {', '.join(applied) or 'nothing to do'}"
