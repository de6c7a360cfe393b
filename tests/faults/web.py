"""The web process of a scratch shop: `run.py serve` with the sandbox bank and a place for pictures, perhaps with a bug or death in it."""

from __future__ import annotations

import argparse
import sys
from typing import Final

from aiohttp import web

from shop.commands import serve
from shop.payments.providers import registry
from shop.payments.providers.client import Client
from shop.payments.providers.sandbox import Sandbox
from shop.payments.providers.seals import secret_of
from shop.settings import Settings
from shop.urls import PATHS
from shop.web import media, routing, uploads
from shop.web.access import anyone
from tests.faults.bugs import BUGS, replace
from tests.faults.kills import POINTS, die_at

PICTURES: Final = "/pictures"


def main() -> int:
    """Serve until told to stop, or until the planted death."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--bug", choices=BUGS)
    parser.add_argument("--die-at", choices=POINTS)
    given = parser.parse_args()
    replace(registry, "MAKERS", {**registry.MAKERS, "sandbox": bank_of})
    replace(routing, "PATHS", {**PATHS, "test.pictures": PICTURES})
    media.ROUTES.append(routing.upload("test.pictures", add_picture, anyone))
    if given.bug:
        BUGS[given.bug].plant()
    if given.die_at:
        die_at(given.die_at)
    return serve.main(argparse.Namespace(number=0))


def bank_of(settings: Settings, client: Client) -> Sandbox:
    """The sandbox bank, which a real shop refuses to know."""
    return Sandbox(settings.payment_sandbox_url, secret_of(settings.secret_keys), client)


async def add_picture(request: web.Request) -> web.Response:
    """What the back office has, without its staff."""
    return await uploads.take_picture(request, by="lin")


if __name__ == "__main__":
    sys.exit(main())
