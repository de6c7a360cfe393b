"""`run.py media copy FROM TO` and `run.py media check`: moves a whole shop's pictures, and looks whether they are all there."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from shop.commands.local import settings_at_hand
from shop.db import Database
from shop.media.copying import Copied, broken_references, copy_all
from shop.media.errors import MediaError
from shop.media.queries import count_objects
from shop.media.store import MediaStore, open_store
from shop.placement import EmbeddedError
from shop.settings import Settings, SettingsError

HELP = "copy all pictures to another store, or check them (media copy FROM TO)"

WIDTH = 40


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Copy or check."""
    parser.add_argument("--environment", type=Path, help="the environment file of the shop's units")
    todo = parser.add_subparsers(dest="todo", required=True, metavar="copy|check")
    copy = todo.add_parser("copy", help="from one SHOP_MEDIA_URL to another; run again, it goes on where it stopped")
    copy.add_argument("source", metavar="FROM", help="where the pictures are, as in file:///srv/shop/media")
    copy.add_argument("target", metavar="TO", help="where they shall be, as in fastdfs://tracker:22122/group1")
    todo.add_parser("check", help="read every file back and compare it with its fingerprint")


def main(arguments: argparse.Namespace) -> int:
    """Exit status 0 when every file is where it should be, 1 when some are not, 2 when nothing could be tried."""
    try:
        with settings_at_hand(arguments.environment) as settings:
            if arguments.todo == "check":
                return asyncio.run(_check(settings))
            return asyncio.run(_copy(settings, arguments.source, arguments.target))
    except (EmbeddedError, SettingsError, MediaError, OSError, ValueError) as problem:
        print(problem, file=sys.stderr)
        return 2


async def _copy(settings: Settings, source_url: str, target_url: str) -> int:
    if _place(source_url) == _place(target_url):
        raise ValueError("Both are the same place; two clusters of FastDFS are told apart by ?cluster=name.")
    async with _database(settings) as db, _store(source_url, db) as source, _store(target_url, db) as target:
        async with db.read() as conn:
            total = await count_objects(conn)
        copied = await copy_all(db, source, target, lambda so_far: _show(so_far, total))
    return _report(copied)


async def _check(settings: Settings) -> int:
    async with _database(settings) as db, _store(settings.media_url, db) as store:
        broken = await broken_references(db, store)
    for name in broken:
        print(f"{name}: missing, or not what was stored", file=sys.stderr)
    print("Some pictures are not whole." if broken else "All pictures are whole.")
    return 1 if broken else 0


def _place(url: str) -> str:
    """What tells two stores apart: for FastDFS the name under which places are written down."""
    if not url.startswith("fastdfs:"):
        return url
    return url.partition("cluster=")[2] or "fastdfs"


def _show(so_far: Copied, total: int) -> None:
    if sys.stdout.isatty():
        full = WIDTH * so_far.done // max(total, 1)
        bar = "█" * full + "·" * (WIDTH - full)
        print(f"\r{bar} {so_far.done} of {total}", end="" if so_far.done < total else "\n", flush=True)


def _report(copied: Copied) -> int:
    for name, problem in copied.failed:
        print(f"{name}: {problem}", file=sys.stderr)
    print(f"{copied.copied} files copied, {copied.already_there} were there already, {len(copied.failed)} failed")
    if not copied.failed:
        print(
            "Now set SHOP_MEDIA_URL to the new place, start again, and run this once more for what was added meanwhile."
        )
    return 1 if copied.failed else 0


@asynccontextmanager
async def _database(settings: Settings) -> AsyncIterator[Database]:
    database = await Database.open(url=settings.database_url, max_size=4)
    try:
        yield database
    finally:
        await database.close()


@asynccontextmanager
async def _store(url: str, db: Database) -> AsyncIterator[MediaStore]:
    store = open_store(url, db)
    try:
        yield store
    finally:
        await store.close()
