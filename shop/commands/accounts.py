"""`run.py accounts import users.csv`: takes customers over from another shop, old password hashes included."""

from __future__ import annotations

import argparse
import asyncio
import csv
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from shop.accounts.imports.service import COLUMNS, OPTIONAL, LineRefused, Newcomer, admit, read_line, refusals
from shop.commands.local import settings_at_hand
from shop.db import Database
from shop.passwords import adopt_hash
from shop.placement import EmbeddedError
from shop.settings import Settings, SettingsError

HELP = "take customers over from another shop (accounts import users.csv)"

BATCH = 200

Line = Mapping[str, str | None]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """One thing to do with accounts, so far."""
    parser.add_argument("--environment", type=Path, help="the environment file of the shop's units")
    todo = parser.add_subparsers(dest="todo", required=True, metavar="import")
    bring = todo.add_parser("import", help=f"columns: {', '.join(COLUMNS)} and, if you like, {', '.join(OPTIONAL)}")
    bring.add_argument("file", type=Path, help="CSV in UTF-8 with a line of column names")
    bring.add_argument("--dry-run", action="store_true", help="look at every line and change nothing")
    bring.add_argument("--errors", type=Path, help="where refused lines go, with the reason (FILE.errors.csv)")


def main(arguments: argparse.Namespace) -> int:
    """Exit status 0 when every line was taken, 1 when some were refused, 2 when nothing could be tried."""
    source: Path = arguments.file
    try:
        lines = read_table(source)
        with settings_at_hand(arguments.environment) as settings:
            importer = asyncio.run(_import(settings, lines, dry_run=arguments.dry_run))
        return importer.report(arguments.errors or source.with_suffix(".errors.csv"))
    except (EmbeddedError, SettingsError, OSError, UnicodeDecodeError, BadTable) as problem:
        print(problem, file=sys.stderr)
        return 2


class BadTable(Exception):
    """The file is not a table with the columns that are needed."""


def read_table(source: Path) -> list[tuple[int, Line]]:
    """Read the lines with their numbers in the file; raises BadTable."""
    with source.open(encoding="utf-8-sig", newline="") as file:
        table = csv.DictReader(file)
        missing = [name for name in COLUMNS if name not in (table.fieldnames or ())]
        if missing:
            raise BadTable(f"{source}: no column {', '.join(missing)} in the first line")
        return [(table.line_num, line) for line in table]


async def _import(settings: Settings, lines: Sequence[tuple[int, Line]], *, dry_run: bool) -> Importer:
    database = await Database.open(url=settings.database_url, max_size=1)
    importer = Importer(database, settings.languages, dry_run=dry_run)
    try:
        await importer.run(lines)
    finally:
        await database.close()
    return importer


class Importer:
    """Takes lines in batches, each in a transaction of its own, and remembers those it refused."""

    def __init__(self, database: Database, languages: tuple[str, ...], *, dry_run: bool) -> None:
        self._db = database
        self._languages = languages
        self._dry_run = dry_run
        self._names: set[str] = set()
        self._emails: set[str] = set()
        self.taken = 0
        self.refused: list[tuple[int, str, Line]] = []

    async def run(self, lines: Sequence[tuple[int, Line]]) -> None:
        """Take all lines."""
        pool = ThreadPoolExecutor(os.cpu_count())  # no more at once: each hash takes 19 MiB
        for start in range(0, len(lines), BATCH):
            await self._take(lines[start : start + BATCH], pool)
        pool.shutdown(wait=False)

    def report(self, errors: Path) -> int:
        """Say what happened and write the refused lines, so that they can be mended and tried again."""
        verb = "would be imported" if self._dry_run else "imported"
        print(f"{self.taken} accounts {verb}, {len(self.refused)} lines refused")
        if not self.refused:
            return 0
        with errors.open("w", encoding="utf-8", newline="") as file:
            columns = [name for name in self.refused[0][2] if name]
            writer = csv.DictWriter(file, ["line", "problem", *columns], extrasaction="ignore")
            writer.writeheader()
            for number, problem, line in sorted(self.refused, key=lambda entry: entry[0]):
                writer.writerow({**line, "line": number, "problem": problem})
        print(f"the reasons, line by line: {errors}")
        return 1

    async def _take(self, batch: Sequence[tuple[int, Line]], pool: ThreadPoolExecutor) -> None:
        found = list(self._readable(batch))
        async with self._db.read() as conn:
            known = await refusals(conn, [newcomer for _, _, newcomer in found])
        for place, problem in known.items():
            self.refused.append((found[place][0], problem, found[place][1]))
        newcomers = [newcomer for place, (_, _, newcomer) in enumerate(found) if place not in known]
        self.taken += len(newcomers)
        if self._dry_run or not newcomers:
            return
        loop = asyncio.get_running_loop()
        wrapped = (loop.run_in_executor(pool, adopt_hash, newcomer.old_hash) for newcomer in newcomers)
        hashes = await asyncio.gather(*wrapped)
        async with self._db.transaction() as conn:
            await admit(conn, newcomers, hashes)

    def _readable(self, batch: Sequence[tuple[int, Line]]) -> Iterator[tuple[int, Line, Newcomer]]:
        for number, line in batch:
            try:
                newcomer = read_line(line, self._languages)
                self._meet_once(newcomer)
            except LineRefused as problem:
                self.refused.append((number, str(problem), line))
            else:
                yield number, line, newcomer

    def _meet_once(self, newcomer: Newcomer) -> None:
        name, email = newcomer.keys
        if name in self._names:
            raise LineRefused("username: an earlier line has it")
        if email in self._emails:
            raise LineRefused("email: an earlier line has it")
        self._names.add(name)
        self._emails.add(email)
