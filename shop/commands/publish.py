"""`run.py publish`: puts the static files of this release where the proxy serves them; an upgrade does it before the restart."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from shop.operations.places import Places
from shop.operations.published import publish

HELP = "put the static files of this release where the proxy serves them, beside those of the one before"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--to", type=Path, default=Places().data, help="the folder of the proxy (default %(default)s)")
    parser.add_argument("--name", default=os.environ.get("SHOP_NAME", "Daily Fresh"), help="the name on the sign")


def main(arguments: argparse.Namespace) -> int:
    """Print the folder of this version."""
    os.umask(0o022)
    print(publish(arguments.to, arguments.name))
    return 0
