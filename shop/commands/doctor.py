"""`run.py doctor`: says what is wrong with a shop, and what helps."""

from __future__ import annotations

import argparse
import asyncio
import os
from pathlib import Path

from shop.operations.check_backup import check_backup
from shop.operations.check_machine import certificates_of, check_certificates, check_secrets
from shop.operations.doctor import examine
from shop.operations.environment import read_environment
from shop.operations.findings import Finding, Level, error, worst
from shop.settings import Settings, SettingsError

HELP = "look at everything this shop leans on; each finding says what helps (exit status 1: warnings, 2: errors)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--environment", type=Path, action="append", default=[], help="an environment file of the units; may repeat"
    )
    parser.add_argument("--certificate", type=Path, action="append", help="a TLS certificate of the proxy")
    parser.add_argument("--quiet", action="store_true", help="say only what is wrong")


def main(arguments: argparse.Namespace) -> int:
    """Print a line a finding and return the level of the worst."""
    found = diagnose(arguments.environment, arguments.certificate)
    for finding in found:
        if finding.level or not arguments.quiet:
            print(finding)
    return int(worst(found))


def diagnose(files: list[Path], certificates: list[Path] | None) -> list[Finding]:
    """All findings; when the settings are not whole, that one."""
    try:
        given = dict(os.environ)
        for file in files:
            given |= read_environment(file)
        settings = Settings.load(given, development=False)
    except OSError as problem:
        return [error("settings", f"{problem.filename} cannot be read ({problem.strerror}); run as root.")]
    except SettingsError as problem:
        return [error("settings", str(problem))]
    found = [Finding(Level.FINE, "settings", "are whole."), *asyncio.run(examine(settings))]
    found += check_secrets([path for path in (*files, settings.state / "secret-keys") if path.exists()])
    found += check_backup(given)
    return found + check_certificates(settings, certificates or certificates_of(settings))
