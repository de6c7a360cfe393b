"""A web process of the scratch shop (`python -m tests.faults.web SOCKET`), perhaps with a planted bug or death in it."""

from __future__ import annotations

import argparse
import os

from shop import logs
from shop.app import create_app
from shop.commands.serving import run
from shop.commands.sockets import inherited
from shop.settings import Settings
from tests.faults.bugs import BUGS
from tests.faults.kills import POINTS, die_at


def main() -> None:
    """Serve until told to stop, or until the planted death."""
    parser = argparse.ArgumentParser()
    parser.add_argument("descriptor")
    parser.add_argument("--bug", choices=BUGS)
    parser.add_argument("--die-at", choices=POINTS)
    given = parser.parse_args()
    logs.configure(development=True, service="web")
    settings = Settings.inherit(os.environ)
    if given.bug:
        BUGS[given.bug].plant()
    if given.die_at:
        die_at(given.die_at)
    run(lambda: create_app(settings), inherited(given.descriptor), shutdown_timeout=1.0)


if __name__ == "__main__":
    main()
