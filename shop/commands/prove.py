"""`run.py prove`: starts the proofs of a checkout; what they plant and ask stands in tests/faults."""

from __future__ import annotations

import argparse
import os
import sys
from typing import NoReturn

from shop.commands.programs import python
from shop.settings import HOME

HELP = "fire crowds at a scratch shop, kill it here and there, and check what is promised (BUG: plant one, to be found)"
LOCK = "test"
PROOFS = "tests/faults/prove.py"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Accept the name of a bug to plant, and the seed of an earlier run."""
    parser.add_argument("bug", nargs="?", default="", help="a bug to plant, as stock-guard")
    parser.add_argument("--seed", type=int, help="the seed that an earlier run has printed")


def main(arguments: argparse.Namespace) -> NoReturn:
    """Become the proofs, where this is a checkout that has them."""
    if not (HOME / PROOFS).exists():
        sys.exit(f"The proofs are in a checkout of the source ({PROOFS}), not here.")
    command = python(["tests.faults.prove"], *([arguments.bug] if arguments.bug else []))
    if arguments.seed is not None:
        command += ["--seed", str(arguments.seed)]
    os.chdir(HOME)
    os.execv(command[0], command)  # noqa: S606 - our own program in our own environment
