"""`run.py prepare`: installs what a checkout needs, and nothing else."""

import argparse

from shop.installation import prepare

HELP = "install the packages of a checkout, pictures and editor included"
BARE = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Let the caller say for what."""
    parser.add_argument(
        "lock", nargs="?", default="run", choices=["run", "test"], help="for running (default) or testing"
    )


def main(arguments: argparse.Namespace) -> int:
    """Install; what is there already is left alone."""
    prepare(arguments.lock, again=True)
    return 0
