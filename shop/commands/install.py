"""`run.py install`: makes a host of Debian 12 or 13 one of the shop's, from one answer file."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from shop.operations.answers import ROLES, Answers, AnswersError
from shop.operations.host_files import HostFile, enabled_units, environment, host_files
from shop.operations.host_secrets import as_lines, read_or_make
from shop.operations.places import Places
from shop.operations.placing import link, make_certificate, make_folders, place, run_commands
from shop.operations.published import publish
from shop.settings import HOME, Settings, SettingsError

HELP = (
    "make this host one of the shop's: units, nginx, Redis, environment, users (answers: config/answers.example.toml)"
)
DEFAULT_SITE: Final = "sites-enabled/default"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--answers", type=Path, required=True, help="the answer file, the same for all hosts")
    parser.add_argument("--roles", default=",".join(ROLES), help=f"what this host does (default: {','.join(ROLES)})")
    parser.add_argument("--prefix", type=Path, default=Path("/"), help="write below this folder and start nothing")
    parser.add_argument("--secrets", type=Path, help="the secrets of the shop; made if it is not there")
    parser.add_argument("--dry-run", action="store_true", help="show everything, change nothing")


def main(arguments: argparse.Namespace) -> int:
    """Install, a line for each thing; a second run changes nothing."""
    try:
        for line in install(
            Places(arguments.prefix.absolute()),
            Answers.read(arguments.answers),
            roles_of(arguments.roles),
            secrets=arguments.secrets,
            dry=arguments.dry_run,
        ):
            print(line)
    except (AnswersError, SettingsError) as problem:
        print(problem, file=sys.stderr)
        return 1
    except PermissionError as problem:
        print(f"{problem.filename} cannot be written; run it as root, or with --prefix.", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as problem:
        print(f"`{' '.join(problem.cmd)}` failed; the rest was not done.", file=sys.stderr)
        return 1
    return 0


def roles_of(text: str) -> frozenset[str]:
    """Raises AnswersError for a role that there is not."""
    roles = frozenset(part.strip() for part in text.split(",") if part.strip())
    if unknown := roles - set(ROLES):
        raise AnswersError(f"{sorted(unknown)[0]} is not a role; there are {', '.join(ROLES)}.")
    return roles


def install(
    places: Places, answers: Answers, roles: frozenset[str], *, secrets: Path | None, dry: bool
) -> Iterator[str]:
    """Everything in order; yields what was done. Raises SettingsError for answers that no shop could start with."""
    kept = places.etc / "secrets"
    made = read_or_make(secrets if secrets and (secrets.exists() or not kept.exists()) else kept)
    settings = Settings.load(environment(places, answers, made), development=False)
    if secrets:
        yield from place([HostFile(secrets, as_lines(made), is_secret=True)], dry=dry)
    yield from place(host_files(places, answers, made, roles), dry=dry)
    if not places.code.exists():
        yield link(places.code, HOME, dry=dry)
    yield from _commands_before(places, dry=dry)
    if not dry and places.prefix != Path("/"):
        make_folders(places)
    if "proxy" in roles:
        yield from _proxy(places, answers, settings.name, dry=dry)
    yield from _commands_after(places, answers, roles, dry=dry)


def _commands_before(places: Places, *, dry: bool) -> Iterator[str]:
    if places.prefix == Path("/"):
        yield from run_commands([["systemd-sysusers"], ["systemd-tmpfiles", "--create"]], dry=dry)


def _proxy(places: Places, answers: Answers, name: str, *, dry: bool) -> Iterator[str]:
    certificate = places.etc / "tls" / f"{answers.hostname}.pem"
    if not answers.host.certificate and not certificate.exists():
        yield f"{'would make' if dry else 'made'}  {certificate} (a placeholder until there is a real one)"
        if not dry:
            make_certificate(certificate, certificate.with_suffix(".key"), answers.hostname)
    yield link(places.nginx / "sites-enabled/bayberry.conf", places.nginx / "sites-available/bayberry.conf", dry=dry)
    default = places.nginx / DEFAULT_SITE
    if default.is_symlink():  # surprise: Debian's own site says that it is everybody's, and two may not
        yield f"{'would unlink' if dry else 'unlinked'}  {default}"
        if not dry:
            default.unlink()
    if not dry:
        os.umask(0o022)
        before = set((places.data / "static").iterdir())
        folder = publish(places.data, name)
        yield f"{'unchanged' if folder in before else 'published'}  {folder}"


def _commands_after(places: Places, answers: Answers, roles: frozenset[str], *, dry: bool) -> Iterator[str]:
    if places.prefix != Path("/"):
        return
    commands = [[str(places.python), str(places.code / "run.py"), "compile"]]
    commands += [["systemctl", "daemon-reload"], ["systemctl", "enable", "--now", *enabled_units(answers, roles)]]
    if "proxy" in roles:
        commands += [["nginx", "-t"], ["systemctl", "reload-or-restart", "nginx"]]
    yield from run_commands(commands, dry=dry)
