"""`run.py worker`: Celery's worker of a real shop, which keeps what the outbox promises."""

from __future__ import annotations

import argparse

from shop.commands.programs import WORKER, become, python

HELP = "run the Celery worker of a real shop (it sends the mail)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Let a place choose how many mails are on their way at once."""
    parser.add_argument("--concurrency", type=int, default=2, help="processes of the worker (default 2)")


def main(arguments: argparse.Namespace) -> int:
    """Become Celery."""
    return become(python(WORKER, "--pool=prefork", f"--concurrency={arguments.concurrency}"))
