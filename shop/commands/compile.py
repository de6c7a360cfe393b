"""`run.py compile`: makes all of a release that starting would otherwise make again each time, for its units may not write it."""

from __future__ import annotations

import argparse
import compileall
import os
import sysconfig
from pathlib import Path

from shop.app import create_app
from shop.settings import HOME, Settings

HELP = "compile this release: code, packages, templates and translations (install and upgrade do it)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """It takes none."""


def main(arguments: argparse.Namespace) -> int:
    """Compile everything that has changed, on all cores."""
    os.umask(0o022)  # who runs the shop has to read it
    for folder in (Path(sysconfig.get_path("purelib")), HOME / "shop", HOME / "tasks"):
        compileall.compile_dir(folder, quiet=2, workers=0)
    # What is kept of templates and translations depends on no setting.
    create_app(Settings.of(development=True, secret_keys=(os.urandom(32),)))
    return 0
