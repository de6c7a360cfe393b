"""The programs beside the web server. Nothing in shop/ may import them, so a command starts or becomes them."""

from __future__ import annotations

import os
import sys
from typing import Final, NoReturn

from shop.settings import DEVELOPMENT_MARK, HOME, Settings, SettingsError

WORKER: Final = "celery --quiet -A tasks.app worker --without-gossip --without-mingle".split()
RELAY: Final = ["tasks.relay"]


def python(program: list[str], *options: str) -> list[str]:
    """Return the command that runs a program in our own environment."""
    return [sys.executable, "-m", *program, *options]


def become(command: list[str]) -> NoReturn:
    """Turn this process into a program of a real shop, if the settings are whole."""
    os.environ.pop(DEVELOPMENT_MARK, None)  # security: only `run.py dev` may say that this is development
    try:
        Settings.load(os.environ, development=False)
    except SettingsError as problem:
        sys.exit(str(problem))
    os.chdir(HOME)
    os.execv(command[0], command)  # noqa: S606 - the command is made of our own constants
