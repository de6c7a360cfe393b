"""`run.py letters`: promises that were given up, and the way to make them promises again."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from shop import outbox
from shop.commands.local import settings_at_hand
from shop.db import Database, DbError
from shop.placement import EmbeddedError
from shop.settings import SettingsError

HELP = "list the dead letters (mails and other promises that were given up); --resend tries them again"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--environment", type=Path, help="the environment file of the shop's units")
    parser.add_argument("--resend", action="store_true", help="try them again, ten times as at first")
    parser.add_argument("ids", nargs="*", type=int, help="only these letters (default: all)")


def main(arguments: argparse.Namespace) -> int:
    """List or resend; the relay hands them over within a second."""
    try:
        with settings_at_hand(arguments.environment) as settings:
            for line in asyncio.run(_letters(settings.database_url, arguments.resend, arguments.ids)):
                print(line)
    except (EmbeddedError, SettingsError, DbError, OSError) as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


async def _letters(url: str, resend: bool, ids: Sequence[int]) -> list[str]:
    database = await Database.open(url=url, min_size=0, max_size=1)
    try:
        async with database.transaction() as conn:
            if resend:
                return [f"{await outbox.resend(conn, ids or None)} letters are promises again."]
            letters = await outbox.dead_letters(conn)
    finally:
        await database.close()
    return [f"{row.id}  {row.buried_at:%Y-%m-%d %H:%M}  {row.task}: {row.last_error}" for row in letters] or [
        "There are none."
    ]
