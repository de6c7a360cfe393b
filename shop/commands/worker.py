"""`run.py worker`: Celery's worker of a real shop, which keeps what the outbox promises."""

from __future__ import annotations

import argparse
import os
import tempfile

from shop.commands.programs import WORKER, become, number_argument, python

HELP = "run the Celery worker of a real shop (it sends the mail)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Let a place choose how many mails are on their way at once."""
    parser.add_argument("--concurrency", type=int, default=2, help="processes of the worker (default 2)")
    number_argument(parser)


def main(arguments: argparse.Namespace) -> int:
    """Become Celery, whose processes count together in a folder of their own."""
    if os.environ.get("SHOP_METRICS_LISTEN"):
        # surprise: prometheus_client looks for this when it is imported, so it has to be there before
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="bayberry-worker-")
    return become(python(WORKER, "--pool=prefork", f"--concurrency={arguments.concurrency}"), arguments.number)
