"""`run.py demo`: fills an empty shop of development."""

from __future__ import annotations

import argparse

HELP = "fill an empty shop with demo goods and people"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Let `make run` fill only a shop that holds nothing."""
    parser.add_argument("--if-empty", action="store_true", help="do nothing when there are goods already")


def main(arguments: argparse.Namespace) -> int:
    """Print, as the last line, the accounts that a visitor may sign in with."""
    print("none yet: register one, its mail lands in the mail room")
    return 0
