"""The beat promises chores; how many beats there are does not matter."""

from __future__ import annotations

import asyncio
from datetime import date

import pytest

from shop.db import Database
from tasks.beat import CHORES, NIGHTLY, Beat
from tests.tasks.conftest import outbox_rows


async def test_two_beats_promise_each_chore_once(db: Database) -> None:
    stop = asyncio.Event()
    beats = [asyncio.create_task(Beat(db, seconds=0.01).run(stop)) for _ in range(2)]
    async with db.read() as conn:
        await conn.fetch_value("SELECT 1")
    for _ in range(50):
        await Beat(db).promise()
    stop.set()
    await asyncio.gather(*beats)
    assert await outbox_rows(db) == len(CHORES) + len(NIGHTLY)


async def test_what_is_done_at_night_is_promised_once_a_day(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    beat, told = Beat(db), []
    for day in (1, 1, 2, 2):
        monkeypatch.setattr(Beat, "_today", staticmethod(lambda day=day: date(2026, 11, day)))
        await beat.promise()
        async with db.transaction() as conn:
            rows = await conn.fetch_all("DELETE FROM outbox RETURNING task")
        told.append({row.task for row in rows} - set(CHORES))
    assert told == [set(NIGHTLY), set(), set(NIGHTLY), set()]


async def test_a_chore_is_promised_again_when_it_was_done(db: Database) -> None:
    stop = asyncio.Event()
    beating = asyncio.create_task(Beat(db, seconds=0.01).run(stop))
    seen: set[int] = set()
    while len(seen) < 3:
        async with db.transaction() as conn:
            seen |= {row.id for row in await conn.fetch_all("DELETE FROM outbox RETURNING id")}
        await asyncio.sleep(0.01)
    stop.set()
    await beating


async def test_a_database_that_is_away_only_delays(db: Database) -> None:
    away = await Database.open(url="postgresql://nobody@127.0.0.1:1/none", min_size=0, max_size=1)
    stop = asyncio.Event()
    beating = asyncio.create_task(Beat(away, seconds=0.01).run(stop))
    assert not beating.done()
    stop.set()
    await beating
    await away.close()
