"""`run.py clean`: forgets the data of development."""

import argparse
import os
from pathlib import Path

from shop.embedded import forget
from shop.installation import HOME
from shop.placement import EmbeddedError

HELP = "forget the data of `make run`: goods, people, orders, mails and pictures"
BARE = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """It takes none."""


def main(arguments: argparse.Namespace) -> int:
    """Delete the state folder, wherever root had to put parts of it."""
    try:
        forget(Path(os.environ.get("SHOP_STATE") or HOME / "var"))
    except EmbeddedError as problem:
        print(problem)
        return 1
    return 0
