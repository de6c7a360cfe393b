"""Many at once: the constraints decide, and every reply belongs to its own question."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random

from shop.db import Connection, Database, DbError, DbUnavailable, F
from tests.db.cast import Sku

CANCELLATIONS = int(os.environ.get("BAYBERRY_CANCELLATIONS", "1000"))


async def test_fifty_at_once_make_one_row(own: Database) -> None:
    async def once(number: int) -> tuple[int, bool]:
        async def work(conn: Connection) -> tuple[int, bool]:
            sku, made = await Sku.objects.using(conn).get_or_create({"price": number}, slug="one")
            return sku.id, made

        return await own.in_transaction(work)

    answers = await asyncio.gather(*[once(number) for number in range(50)])
    assert len({key for key, _ in answers}) == 1
    assert sum(made for _, made in answers) == 1


async def test_fifty_at_once_count_every_change(own: Database) -> None:
    async def once() -> bool:
        async with own.transaction() as conn:
            skus = Sku.objects.using(conn)
            _, made = await skus.update_or_create(
                {"reserved": F("reserved") + 1}, {"price": 1, "reserved": 1}, slug="one"
            )
            return made

    made = await asyncio.gather(*[once() for _ in range(50)])
    assert sum(made) == 1
    async with own.read() as conn:
        assert (await Sku.objects.using(conn).get(slug="one")).reserved == 50


async def test_a_guarded_update_never_sells_a_unit_twice(own: Database) -> None:
    async with own.transaction() as conn:
        await Sku.objects.using(conn).create(slug="last", price=1, stock=7)

    async def buy() -> int:
        async with own.transaction() as conn:
            return await Sku.objects.using(conn).filter(slug="last", stock__gte=2).update(stock=F("stock") - 2)

    assert sum(await asyncio.gather(*[buy() for _ in range(20)])) == 3
    async with own.read() as conn:
        assert (await Sku.objects.using(conn).get(slug="last")).stock == 1


async def test_after_random_cancellations_every_reply_belongs_to_its_question(own: Database, own_url: str) -> None:
    database = await Database.open(url=own_url, max_size=6)
    dice = random.Random(3)
    left = CANCELLATIONS
    strangers: list[tuple[int, object]] = []

    async def ask(number: int) -> None:
        async with database.read() as conn:
            answer = await conn.fetch_value("SELECT %(n)s", {"n": number})
            strangers.extend([(number, answer)] * (answer != number))
        async with database.transaction() as conn:
            row = await conn.fetch_one("SELECT %(n)s AS n, current_setting('lock_timeout') AS kept", {"n": number})
            strangers.extend([(number, row)] * (tuple(row or ()) != (number, "1s")))
            await conn.execute("SET LOCAL lock_timeout = '7s'")

    async def patiently(number: int) -> None:
        for _ in range(40):  # on a busy machine half a second for a new connection is not much
            with contextlib.suppress(DbUnavailable):
                return await ask(number)
        return await ask(number)

    async def worker(number: int) -> None:
        nonlocal left
        while left > 0:
            number += 100
            task = asyncio.create_task(ask(number))
            for _ in range(dice.randrange(12)):
                await asyncio.sleep(0)
            await asyncio.sleep(dice.choice((0, 0, 0.0003, 0.001)))
            if task.cancel():
                left -= 1
            with contextlib.suppress(asyncio.CancelledError, DbError):
                await task

    try:
        await asyncio.gather(*[worker(number) for number in range(6)])
        assert strangers == []
        await asyncio.gather(*[patiently(number) for number in range(20)])
        assert strangers == []
        assert database.pool.busy == 0
        assert database.pool.size <= 6
    finally:
        await database.close()
    assert [task for task in asyncio.all_tasks() if "Pool" in repr(task.get_coro())] == []
