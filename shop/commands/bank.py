"""`run.py bank`: the sandbox bank of development; `run.py dev` starts it by itself."""

from __future__ import annotations

import argparse
import os
import sys
from urllib.parse import urlsplit

from shop.commands.local import Local
from shop.commands.sockets import Taken, inherited, listen
from shop.settings import SettingsError

HELP = "the sandbox bank of development alone; `run.py dev` starts one by itself"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Accept the sockets that the parent opened."""
    parser.add_argument("--serve-on", metavar="DESCRIPTORS", help=argparse.SUPPRESS)


def main(arguments: argparse.Namespace) -> int:
    """Answer on SHOP_PAYMENT_SANDBOX_URL until told to stop; a problem of the place is one sentence."""
    from aiohttp import web

    from shop import logs
    from shop.payments.bank.server import create_bank
    from shop.payments.providers.seals import secret_of

    try:
        settings = Local(os.environ).settings()
        address = urlsplit(settings.payment_sandbox_url)
        sockets = (
            inherited(arguments.serve_on)
            if arguments.serve_on
            else listen(address.hostname or "127.0.0.1", address.port or 80)
        )
    except (SettingsError, Taken) as problem:
        print(problem, file=sys.stderr)
        return 1
    logs.configure(development=True, service="bank")
    secret, journal = secret_of(settings.secret_keys), settings.state / "bank.jsonl"
    # Plain aiohttp: what serves the shop puts its ready pages in front, and the bank has none.
    bank = create_bank(secret, settings.url, journal=journal)
    web.run_app(bank, sock=sockets, access_log=None, print=None, shutdown_timeout=1.0)
    return 0
