"""The programs beside the web server. Nothing in shop/ may import them, so a command starts or becomes them."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from typing import Final, NoReturn

from shop.metrics import numbered
from shop.settings import DEVELOPMENT_MARK, HOME, Settings, SettingsError
from shop.start_checks import WrongDatabase, check_database

WORKER: Final = "celery --quiet -A tasks.app worker --without-gossip --without-mingle".split()
RELAY: Final = ["tasks.relay"]
BEAT: Final = ["tasks.beat"]


def python(program: list[str], *options: str) -> list[str]:
    """Return the command that runs a program in our own environment."""
    return [sys.executable, "-m", *program, *options]


def number_argument(parser: argparse.ArgumentParser) -> None:
    """Let a program be told apart from the others of its host."""
    parser.add_argument(
        "--number", type=int, default=0, help="of this process; its metrics listen so many ports higher"
    )


def check_providers(settings: Settings) -> None:
    """Raises SettingsError for a way to pay that is switched on without its secret; nothing starts half able to take money."""
    if settings.payment_methods == ("cash",):  # it needs nothing, and this look costs a fifth of a start
        return
    from shop.payments.providers.registry import Providers  # only now, so that a wrong setting is told at once

    Providers.of(settings)


def become(command: list[str], number: int) -> NoReturn:
    """Turn this process into a program of a real shop, if the settings are whole and the database is theirs."""
    os.environ.pop(DEVELOPMENT_MARK, None)  # security: only `run.py dev` may say that this is development
    try:
        settings = Settings.load(os.environ, development=False)
        check_providers(settings)
        asyncio.run(check_database(settings))
    except (SettingsError, WrongDatabase) as problem:
        sys.exit(str(problem))
    if settings.metrics_listen:
        os.environ["SHOP_METRICS_LISTEN"] = numbered(settings.metrics_listen, number)
    os.chdir(HOME)
    os.execv(command[0], command)  # noqa: S606 - the command is made of our own constants
