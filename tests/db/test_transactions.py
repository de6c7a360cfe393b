"""Connections and transactions: what commits, what rolls back, what is tried again, and when it ends."""

# ruff: noqa: PT012 - what fails here is a block: a transaction, a savepoint

from __future__ import annotations

import asyncio
import contextlib
import time
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy import literal, select

from shop.db import (
    CheckViolation,
    Connection,
    Database,
    DataError,
    DbError,
    DbTimeout,
    DbUnavailable,
    DeadlockDetected,
    ForeignKeyViolation,
    LockNotAvailable,
    NotNullViolation,
    QueryError,
    UniqueViolation,
)
from shop.deadline import deadline
from tests.db.cast import Brand, Sku


async def names(own: Database) -> list[str]:
    async with own.read() as conn:
        return await Brand.objects.using(conn).order_by("id").values_list("name", flat=True)


async def add(conn: Connection, name: str) -> Brand:
    return await Brand.objects.using(conn).create(name=name)


async def test_rows_are_attributes_keys_and_tuples(own: Database) -> None:
    async with own.read() as conn:
        row = await conn.fetch_one("SELECT 1 AS id, %(name)s AS name, 2.50 AS price", {"name": "50 % off"})
        assert row is not None
        assert (row.id, row["name"], row[2], tuple(row)) == (
            1,
            "50 % off",
            Decimal("2.50"),
            (1, "50 % off", Decimal("2.50")),
        )
        assert row.mapping == {"id": 1, "name": "50 % off", "price": Decimal("2.50")}
        with pytest.raises(AttributeError, match="the row has no column 'prize'; it has id, name, price"):
            _ = row.prize
        assert await conn.fetch_one("SELECT 1 WHERE false") is None
        assert await conn.fetch_value("SELECT 1 WHERE false") is None
        assert [r.n for r in await conn.fetch_all(select(literal(3).label("n")))] == [3]
        values = await conn.fetch_one(
            "SELECT %(bytes)s::bytea AS bytes, %(uuid)s AS uuid, %(at)s AS at, %(json)s::jsonb AS json",
            {"bytes": b"\0\xff", "uuid": UUID(int=7), "at": datetime(2026, 1, 2, tzinfo=UTC), "json": {"a": [None]}},
        )
        assert values is not None
        assert tuple(values) == (b"\0\xff", UUID(int=7), datetime(2026, 1, 2, tzinfo=UTC), {"a": [None]})


async def test_a_transaction_commits_once_and_an_error_takes_everything_back(own: Database) -> None:
    async with own.transaction() as conn:
        await add(conn, "kept")
        assert await names(own) == []
    with pytest.raises(ZeroDivisionError):
        async with own.transaction() as conn:
            await add(conn, "lost")
            raise ZeroDivisionError
    assert await names(own) == ["kept"]


async def test_a_caught_error_does_not_pass_for_a_commit(own: Database) -> None:
    with pytest.raises(QueryError, match="caught without a savepoint"):
        async with own.transaction() as conn:
            await add(conn, "first")
            with contextlib.suppress(UniqueViolation):
                await add(conn, "first")
    assert await names(own) == []
    assert own.pool.busy == 0


async def test_a_connection_is_of_no_use_after_its_block(own: Database) -> None:
    async with own.read() as kept:
        pass
    async with own.transaction() as other:
        pass
    for conn in (kept, other):
        with pytest.raises(RuntimeError, match="went back to the pool"):
            await conn.fetch_value("SELECT 1")


async def test_a_nested_transaction_is_a_savepoint(own: Database) -> None:
    async with own.transaction() as conn:
        await add(conn, "outer")
        with pytest.raises(UniqueViolation) as taken:
            async with own.transaction() as inner:
                assert inner is conn
                await add(inner, "inner")
                await add(inner, "outer")
        assert (taken.value.constraint, taken.value.table, taken.value.sqlstate) == (
            "brands_name_key",
            "brands",
            "23505",
        )
        async with conn.savepoint():
            await add(conn, "second")
    assert await names(own) == ["outer", "second"]


async def test_another_task_has_its_own_transaction(own: Database) -> None:
    async def elsewhere() -> bool:
        async with own.transaction() as conn:
            await add(conn, "elsewhere")
            return conn is not outer

    with pytest.raises(ZeroDivisionError):
        async with own.transaction() as outer:
            assert await asyncio.create_task(elsewhere())
            raise ZeroDivisionError
    assert await names(own) == ["elsewhere"]


async def test_callbacks_run_after_the_commit_and_only_then(own: Database) -> None:
    heard: list[object] = []

    async def later() -> None:
        heard.append(await names(own))

    async with own.transaction() as conn:
        await add(conn, "new")
        conn.on_commit(lambda: heard.append("first"))
        conn.on_commit(lambda: 1 / 0)
        conn.on_commit(later)
        with pytest.raises(ZeroDivisionError):
            async with conn.savepoint():
                conn.on_commit(lambda: heard.append("never"))
                raise ZeroDivisionError
        assert heard == []
    assert heard == ["first", ["new"]]
    async with own.read() as conn:
        with pytest.raises(RuntimeError, match="needs a transaction"):
            conn.on_commit(lambda: None)


async def test_errors_have_the_shops_names(own: Database) -> None:
    cases: list[tuple[str, type[DbError], str | None]] = [
        ("INSERT INTO skus (slug, price) VALUES ('a', -1)", CheckViolation, "price_not_negative"),
        ("INSERT INTO skus (slug, price, product_id) VALUES ('a', 1, 99)", ForeignKeyViolation, "skus_product_id_fkey"),
        ("INSERT INTO skus (slug) VALUES ('a')", NotNullViolation, "price"),
    ]
    async with own.read() as conn:
        for sql, kind, constraint in cases:
            with pytest.raises(kind) as refused:
                await conn.execute(sql)
            assert getattr(refused.value, "constraint", None) == constraint
        for sql, kind in (
            ("SELECT nothing", QueryError),
            ("SELECT 1 / 0", DataError),
            ("SELECT 'x'::int", DataError),
            ("CREATE TABLE mine ()", QueryError),
        ):
            with pytest.raises(kind):
                await conn.execute(sql)
        with pytest.raises(DataError, match="NUL"):
            await conn.fetch_value("SELECT %(text)s", {"text": "a\0b"})
        with pytest.raises(QueryError, match="missing"):
            await conn.fetch_value("SELECT %(missing)s", {})
        assert await conn.fetch_value("SELECT 1") == 1


async def test_d5_a_deadlock_is_repeated_and_counted(own: Database) -> None:
    async with own.transaction() as conn:
        await Sku.objects.using(conn).bulk_create([Sku(slug="a", price=1), Sku(slug="b", price=1)])
    before, met = own.retries, asyncio.Barrier(2)
    attempts = {"ab": 0, "ba": 0}

    async def swap(order: str) -> None:
        async def work(conn: Connection) -> None:
            attempts[order] += 1
            await Sku.objects.using(conn).filter(slug=order[0]).update(stock=1)
            if attempts == {"ab": 1, "ba": 1} or sum(attempts.values()) == 1:
                await met.wait()
            await Sku.objects.using(conn).filter(slug=order[1]).update(stock=1)

        await own.in_transaction(work)

    await asyncio.gather(swap("ab"), swap("ba"))
    assert sum(attempts.values()) == 3
    assert own.retries == before + 1


async def test_d5_a_serialization_failure_is_repeated_at_most_three_times(own: Database) -> None:
    tried = 0

    async def work(conn: Connection) -> None:
        nonlocal tried
        tried += 1
        await add(conn, f"try {tried}")
        await conn.execute("DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '40001'; END $$")

    with pytest.raises(DbError) as refused:
        await own.in_transaction(work)
    assert (tried, refused.value.sqlstate) == (3, "40001")
    assert await names(own) == []
    async with own.transaction():
        with pytest.raises(RuntimeError, match="cannot stand inside another"):
            await own.in_transaction(work)
    assert not issubclass(LockNotAvailable, DeadlockDetected)


async def test_d1_a_statement_timeout_is_an_error_of_ours_and_costs_no_connection(own: Database) -> None:
    async with own.read() as conn:
        await conn.fetch_value("SELECT 1")
    size = own.pool.size
    task = asyncio.current_task()
    assert task is not None
    for _ in range(3):
        with pytest.raises(DbTimeout) as late:
            async with own.transaction() as conn:
                await add(conn, "late")
                await conn.execute("SET LOCAL statement_timeout = '20ms'")
                await conn.execute("SELECT pg_sleep(1)")
        assert (late.value.sqlstate, task.cancelling()) == ("57014", 0)
        assert (own.pool.size, own.pool.busy) == (size, 0)
    async with own.transaction() as conn:
        with pytest.raises(DbTimeout):
            async with conn.savepoint():
                await conn.execute("SET LOCAL statement_timeout = '20ms'")
                await conn.execute("SELECT pg_sleep(1)")
        await add(conn, "after")
    assert await names(own) == ["after"]


async def test_the_deadline_of_the_request_holds_for_every_call(own: Database) -> None:
    start = time.monotonic()
    with deadline(0.2):
        async with own.read() as conn:
            assert await conn.fetch_value("SELECT 1") == 1
            with pytest.raises(DbTimeout, match="no answer from PostgreSQL within"):
                await conn.fetch_value("SELECT pg_sleep(10)")
            with pytest.raises((DbTimeout, DbUnavailable)):
                await conn.fetch_value("SELECT 1")
        with pytest.raises(DbTimeout, match="the deadline has passed"):
            async with own.transaction() as conn:
                await add(conn, "never")
    assert time.monotonic() - start < 5
    assert own.pool.busy == 0
    assert await names(own) == []


async def test_a_deadline_inside_another_only_shortens_it(own: Database) -> None:
    start = time.monotonic()
    with deadline(0.1), deadline(5), pytest.raises(DbTimeout):
        async with own.read() as conn:
            await conn.fetch_value("SELECT pg_sleep(10)")
    assert time.monotonic() - start < 4


async def test_d6_a_hot_row_answers_busy_after_the_lock_timeout(own: Database) -> None:
    async with own.transaction() as conn:
        await Sku.objects.using(conn).create(slug="hot", price=1)
    async with own.transaction() as holder:
        await Sku.objects.using(holder).select_for_update().get(slug="hot")

        async def other() -> None:
            async with own.transaction() as conn:
                skus = Sku.objects.using(conn)
                assert await skus.select_for_update(skip_locked=True) == []
                with pytest.raises(LockNotAvailable):
                    async with conn.savepoint():
                        await skus.select_for_update(nowait=True).get(slug="hot")
                await conn.execute("SET LOCAL lock_timeout = '50ms'")
                await skus.filter(slug="hot").update(stock=1)

        with pytest.raises(LockNotAvailable):
            await asyncio.create_task(other())


async def test_locks_are_taken_in_primary_key_order_unless_told(own: Database) -> None:
    statement = str(Sku.objects.filter(price=1).select_for_update(of=("self",)).statement)
    assert "ORDER BY skus.id" in statement
    assert "ORDER BY skus.price" in str(Sku.objects.order_by("price").select_for_update().statement)
    async with own.transaction() as conn:
        await Sku.objects.using(conn).create(slug="a", price=1)
        locked = Sku.objects.using(conn).select_related("product__brand").select_for_update(of=("self",), no_key=True)
        assert [(sku.slug, sku.product) for sku in await locked] == [("a", None)]
        # PostgreSQL locks no row that may be missing, so without `of` it says so, as under Django.
        with pytest.raises(QueryError, match="nullable side of an outer join"):
            async with conn.savepoint():
                await Sku.objects.using(conn).select_related("product").select_for_update()


async def test_a_stream_comes_in_parts_within_a_transaction(own: Database) -> None:
    async with own.transaction() as conn:
        await Sku.objects.using(conn).bulk_create([Sku(slug=f"{n:04}", price=n) for n in range(1200)])
        seen = 0
        async for sku in Sku.objects.using(conn).order_by("id"):
            assert sku.price == seen
            seen += 1
            if seen == 700:  # other questions may be asked meanwhile
                assert await Sku.objects.using(conn).count() == 1200
        assert seen == 1200
        async for sku in Sku.objects.using(conn).order_by("-id"):
            assert sku.price == 1199
            break
    async with own.read() as conn:
        assert len([sku async for sku in Sku.objects.using(conn).filter(price__lt=600)]) == 600


async def test_d3_a_saturated_pool_answers_within_a_second(own_url: str) -> None:
    database = await Database.open(url=own_url, min_size=0, max_size=2)
    try:
        async with database.read() as first, database.read():
            waited = [await seconds_until_refused(database) for _ in range(3)]
            assert 0.45 < min(waited) < 1, waited  # of three, for the machine may be busy with something else
            waiting = asyncio.create_task(read_one(database))
            while not database.pool._waiters:
                await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            assert await first.fetch_value("SELECT 7") == 7
        assert await read_one(database) == 1
        async with asyncio.timeout(10):  # a link comes back when it is clean, which may be a moment later
            while database.pool.busy:
                await asyncio.sleep(0.01)
        assert database.pool.size == 2
    finally:
        await database.close()


async def seconds_until_refused(database: Database) -> float:
    start = time.monotonic()
    with pytest.raises(DbUnavailable, match="no connection came free"):
        async with database.read():
            pass
    return time.monotonic() - start


async def read_one(database: Database) -> int:
    async with database.read() as conn:
        return int(await conn.fetch_value("SELECT 1"))
