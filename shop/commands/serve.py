"""`run.py serve`: one web process of a real shop."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys

from shop import logs
from shop.commands.sockets import Taken, listen, listen_on_path
from shop.db import Database, DbError
from shop.facts import fact
from shop.settings import DEVELOPMENT_MARK, Settings, SettingsError

HELP = "serve a real shop: no mail room, no sandbox, no demo accounts (settings: config/environment.example)"
GRACE = 20.0  # seconds for running requests when told to stop


class IsDemo(Exception):
    """The database is the demo's; the text is one sentence for a person."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """It takes none: everything is a setting."""


def main(arguments: argparse.Namespace) -> int:
    """Serve on SHOP_SOCKET, else on SHOP_HOST and SHOP_PORT, until SIGTERM."""
    os.environ.pop(DEVELOPMENT_MARK, None)
    try:
        settings = Settings.load(os.environ, development=False)
        sockets = listen_on_path(settings.socket) if settings.socket else listen(settings.host, settings.port)
        asyncio.run(refuse_the_demo(settings))
    except (IsDemo, SettingsError, Taken) as problem:
        print(problem, file=sys.stderr)
        return 1
    from shop.app import create_app  # only now, so that a wrong setting is told at once
    from shop.commands.serving import run

    logs.configure(development=False, service="web")
    run(lambda: create_app(settings), sockets, grace=GRACE)
    return 0


async def refuse_the_demo(settings: Settings) -> None:
    """security: the demo's customers have a password that everybody may read. Raises IsDemo.

    A database that is away says nothing, and does not keep the shop from starting.
    """
    database = await Database.open(url=settings.database_url, max_size=1)
    try:
        async with database.read() as conn:
            if await fact(conn, "demo") is not None:
                raise IsDemo(
                    "SHOP_DATABASE_URL holds the demo, whose passwords everybody knows; serve a database of your own."
                )
    except DbError:
        return
    finally:
        await database.close()
