"""`run.py relay`: hands the outbox of a real shop to Celery."""

from __future__ import annotations

import argparse

from shop.commands.programs import RELAY, become, number_argument, python

HELP = "run the relay of a real shop (it hands the outbox to the worker)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Tell the processes of one host apart."""
    number_argument(parser)


def main(arguments: argparse.Namespace) -> int:
    """Become the relay."""
    return become(python(RELAY), arguments.number)
