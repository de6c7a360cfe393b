"""`run.py beat`: promises what a real shop has to do again and again."""

from __future__ import annotations

import argparse

from shop.commands.programs import BEAT, become, number_argument, python

HELP = "run the beat of a real shop (it promises the chores; two do no harm)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Tell the processes of one host apart."""
    number_argument(parser)


def main(arguments: argparse.Namespace) -> int:
    """Become the beat."""
    return become(python(BEAT), arguments.number)
