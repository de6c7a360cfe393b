"""`run.py serve`: one web process of a real shop."""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import socket
import sys

from shop import logs
from shop.commands.programs import check_providers
from shop.commands.sockets import Taken, activated, listen, listen_on_path
from shop.metrics import numbered, serve_metrics
from shop.settings import DEVELOPMENT_MARK, Settings, SettingsError
from shop.start_checks import WrongDatabase, check_database

HELP = "serve a real shop: no mail room, no sandbox, no demo accounts (settings: config/environment.example)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Tell the processes of one host apart; everything else is a setting."""
    parser.add_argument(
        "--number", type=int, default=0, help="of this process; its metrics listen so many ports higher"
    )


def main(arguments: argparse.Namespace) -> int:
    """Serve on the sockets of systemd, else on SHOP_SOCKET, else on SHOP_HOST and SHOP_PORT, until SIGTERM."""
    os.environ.pop(DEVELOPMENT_MARK, None)
    try:
        settings = Settings.load(os.environ, development=False)
        check_providers(settings)
        sockets = activated(os.environ) or opened(settings)
        asyncio.run(check_database(settings))
    except (SettingsError, Taken, WrongDatabase) as problem:
        print(problem, file=sys.stderr)
        return 1
    gc.disable()  # what a start makes stays, and looking through it again and again takes a tenth of the time; `run` enables it
    from shop.app import create_app  # only now, so that a wrong setting is told at once
    from shop.commands.serving import run
    from shop.web.server import LEAVING

    gc.collect()  # what the imports left behind makes room for what follows: 2 MB
    logs.configure(development=False, service="web")
    serve_metrics(numbered(settings.metrics_listen, arguments.number))
    run(lambda: create_app(settings), sockets, **LEAVING)
    return 0


def opened(settings: Settings) -> list[socket.socket]:
    """The sockets that the settings name; raises Taken."""
    return listen_on_path(settings.socket) if settings.socket else listen(settings.host, settings.port)
