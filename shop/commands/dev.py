"""`run.py dev` (`make run`): the whole shop on this machine, started, watched and stopped by one process."""

from __future__ import annotations

import argparse
import os
import signal
import socket
import sys
from contextlib import suppress
from urllib.parse import urlsplit

from shop.commands.local import Local
from shop.commands.programs import check_providers
from shop.commands.sockets import Taken, inherited, listen, listen_near
from shop.commands.supervisor import Stop, Supervisor
from shop.embedded import lock
from shop.installation import NODE_MODULES
from shop.placement import EmbeddedError
from shop.settings import Settings, SettingsError

HELP = "start the whole shop here: servers, migrations, demo, worker, relay and web server with reload"
LOCK = "run"
STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Accept the sockets that the parent of the web process opened."""
    parser.add_argument("--serve-on", metavar="DESCRIPTORS", help=argparse.SUPPRESS)


def main(arguments: argparse.Namespace) -> int:
    """Run until Ctrl-C; a problem of the place is one sentence."""
    if arguments.serve_on:
        return _serve(arguments.serve_on)
    stop = Stop()
    for sign in STOPS:
        signal.signal(sign, stop.ask)
    try:
        with suppress(KeyboardInterrupt):
            _start_everything(stop)
    except (EmbeddedError, SettingsError, Taken) as problem:
        print(problem, file=sys.stderr)
        return 1
    with suppress(BrokenPipeError):
        print("\nStopped. Goods, people and mails are kept; `make clean` forgets them.", flush=True)
    return 0


def _start_everything(stop: Stop) -> None:
    local = Local(os.environ)
    settings = Settings.load(os.environ, development=True)
    sockets = listen(settings.host, settings.port)
    with lock(local.state):
        try:
            local.start()
            _watch(local, sockets, stop)
        finally:
            _finish_undisturbed()
            local.stop()


def _finish_undisturbed() -> None:
    for sign in STOPS:
        signal.signal(sign, signal.SIG_IGN)  # a second Ctrl-C must not leave a process behind


def _watch(local: Local, sockets: list[socket.socket], stop: Stop) -> None:
    settings = local.settings()
    if set(settings.payment_methods) - {"sandbox", "cash"}:  # those two need nothing, and this look takes half a second
        check_providers(settings)
    local.migrate()
    bank = _open_bank(settings)
    supervisor = Supervisor(local, sockets, bank)
    try:
        accounts = supervisor.fill_demo()
        supervisor.start_web(settings.url)
        _greet(settings, accounts)
        supervisor.start()
        supervisor.watch(stop)
    finally:
        _finish_undisturbed()
        supervisor.stop()


def _open_bank(settings: Settings) -> list[socket.socket]:
    """The sandbox bank's sockets, if one can pay there."""
    if "sandbox" not in settings.payment_methods:
        return []
    address = urlsplit(settings.payment_sandbox_url)
    return listen_near(address.hostname or "127.0.0.1", address.port or 80)


def _greet(settings: Settings, accounts: str) -> None:
    if not NODE_MODULES.exists():
        print("  The demo's pictures are not here, so the shop draws its own;")
        print("  `python run.py prepare` fetches them, and after `make clean` the demo is painted with them.")
    print(f"\n  The shop      {settings.url}/")
    print(f"  Accounts      {accounts}")
    print(f"  Back office   {settings.url}/backoffice (SHOP_STAFF_SECOND_FACTOR=relaxed opens it without an app)")
    print(f"  Mail room     {settings.url}/dev/mail\n", flush=True)


def _serve(descriptors: str) -> int:
    from shop import logs
    from shop.app import create_app
    from shop.commands.serving import run

    settings = Settings.inherit(os.environ)
    logs.configure(development=True, service="web")
    run(lambda: create_app(settings), inherited(descriptors), shutdown_timeout=1.0)
    return 0
