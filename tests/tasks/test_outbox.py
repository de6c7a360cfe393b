"""A promise made in a transaction is handed over until somebody has kept it."""

import asyncio
from uuid import UUID

import pytest

from shop import outbox
from shop.db import Connection, Database
from shop.outbox import Lease
from tests.tasks.conftest import leases_run_out

TASK = "tasks.mail.send_activation"


async def promised(db: Database, **args: object) -> int:
    async with db.transaction() as conn:
        return await outbox.promise(conn, TASK, **(args or {"account_id": 7}))


async def state(db: Database, row_id: int) -> str:
    async with db.read() as conn:
        row = await conn.fetch_one(
            "SELECT buried_at, lease, held_until, due_at > clock_timestamp() AS later FROM outbox WHERE id = %(id)s",
            {"id": row_id},
        )
    if row is None:
        return "closed"
    if row.buried_at:
        return "buried"
    if row.lease:
        return "leased"
    return "queued" if row.held_until else "later" if row.later else "due"


async def leased(db: Database, row_id: int, seconds: float = 15) -> Lease:
    async with db.transaction() as conn:
        held = await outbox.lease(conn, row_id, seconds)
    assert held is not None
    return held


async def test_a_promise_is_kept_once(db: Database) -> None:
    row_id = await promised(db, account_id=7)
    async with db.read() as conn:
        assert await outbox.claim(conn, 10) == [(row_id, TASK)]
        assert await outbox.claim(conn, 10) == []
    held = await leased(db, row_id)
    assert (held.id, held.task, held.args, held.attempts) == (row_id, TASK, {"account_id": 7}, 1)
    assert isinstance(held.reference, UUID)
    async with db.read() as conn:
        assert await outbox.lease(conn, row_id) is None
        await outbox.done(conn, held)
        assert await outbox.lease(conn, row_id) is None
        assert await outbox.claim(conn, 10) == []
    assert await state(db, row_id) == "closed"


async def test_a_promise_dies_with_its_transaction(db: Database) -> None:
    async def change_my_mind(conn: Connection) -> None:
        await outbox.promise(conn, TASK, account_id=7)
        raise RuntimeError("changed my mind")

    with pytest.raises(RuntimeError, match="changed my mind"):
        await db.in_transaction(change_my_mind)
    async with db.read() as conn:
        assert await conn.fetch_value("SELECT count(*) FROM outbox") == 0


async def test_two_relays_do_not_take_the_same_row(db: Database) -> None:
    rows = {await promised(db) for _ in range(20)}

    async def relay() -> list[int]:
        async with db.read() as conn:
            return [row_id for _ in range(4) for row_id, _ in await outbox.claim(conn, 5)]

    taken = await asyncio.gather(relay(), relay())
    assert sorted(taken[0] + taken[1]) == sorted(rows)


async def test_f_c1_a_lease_that_ran_out_is_handed_over_again(db: Database) -> None:
    row_id = await promised(db)
    first = await leased(db, row_id, 60)
    async with db.read() as conn:
        assert await outbox.claim(conn, 10) == []
        await leases_run_out(db)
        assert await outbox.claim(conn, 10) == [(row_id, TASK)]
        assert await outbox.renew(conn, first) is False
    second = await leased(db, row_id)
    assert (second.reference, second.attempts) == (first.reference, 2)


async def test_a_renewed_lease_stays(db: Database) -> None:
    row_id = await promised(db)
    held = await leased(db, row_id, 60)
    async with db.read() as conn:
        assert await outbox.renew(conn, held, 7200) is True
        await leases_run_out(db)
        assert await outbox.claim(conn, 10) == []


async def test_c5_a_message_that_was_lost_is_sent_again(db: Database) -> None:
    row_id = await promised(db)
    async with db.read() as conn:
        assert await outbox.claim(conn, 10, 60) == [(row_id, TASK)]
        assert await outbox.claim(conn, 10) == []
        await leases_run_out(db)
        assert await outbox.claim(conn, 10) == [(row_id, TASK)]


async def test_rows_never_handed_over_go_before_those_handed_over_again(db: Database) -> None:
    old = await promised(db)
    async with db.read() as conn:
        await outbox.claim(conn, 10, 0)
        new = await promised(db)
        assert await outbox.claim(conn, 1) == [(new, TASK)]
        assert await outbox.claim(conn, 1) == [(old, TASK)]


async def test_claimed_rows_that_did_not_reach_the_broker_are_due_at_once(db: Database) -> None:
    row_id = await promised(db)
    async with db.read() as conn:
        await outbox.claim(conn, 10)
        await outbox.release(conn, [row_id])
    assert await state(db, row_id) == "due"


async def test_c6_ten_failures_make_a_dead_letter(db: Database) -> None:
    row_id, waits = await promised(db), []
    async with db.read() as conn:
        for attempt in range(1, 11):
            await conn.execute("UPDATE outbox SET due_at = now()")
            held = await outbox.lease(conn, row_id)
            assert held is not None
            assert await outbox.fail(conn, held, "451 later") is (attempt == 10)
            wait = await conn.fetch_value("SELECT extract(epoch FROM due_at - clock_timestamp())::float FROM outbox")
            waits.append(wait)
    for wait, wanted in zip(waits, [10, 30, 90, 270, 810, 2430, 7290, 21600, 21600], strict=False):
        assert 0.89 * wanted <= wait <= 1.1 * wanted
    assert await state(db, row_id) == "buried"


async def test_c6_a_row_that_kills_its_worker_is_slowed_down_and_buried(db: Database) -> None:
    row_id = await promised(db)
    async with db.read() as conn:
        for attempt in range(1, 11):
            assert await outbox.bury_exhausted(conn) == 0
            await conn.execute("UPDATE outbox SET due_at = now(), held_until = now()")
            held = await outbox.lease(conn, row_id)
            assert held is not None
            later = await conn.fetch_value("SELECT due_at > clock_timestamp() + interval '80 s' FROM outbox")
            assert later is (attempt > 2)
        await conn.execute("UPDATE outbox SET held_until = now()")
        assert await outbox.bury_exhausted(conn) == 1
    assert await state(db, row_id) == "buried"


async def test_c3_a_message_that_comes_too_early_is_harmless(db: Database) -> None:
    row_id = await promised(db)
    held = await leased(db, row_id)
    async with db.read() as conn:
        await outbox.fail(conn, held, "451 later")
        assert await outbox.lease(conn, row_id) is None
    assert await state(db, row_id) == "later"


async def test_a_dead_letter_keeps_its_reason(db: Database) -> None:
    row_id = await promised(db)
    held = await leased(db, row_id)
    async with db.read() as conn:
        await outbox.bury(conn, held, "550 no such user")
        assert await conn.fetch_value("SELECT last_error FROM outbox") == "550 no such user"
        assert await outbox.claim(conn, 10) == []
        assert await outbox.lease(conn, row_id) is None
    assert await state(db, row_id) == "buried"


async def test_a_stale_holder_changes_nothing(db: Database) -> None:
    row_id = await promised(db)
    stale = await leased(db, row_id, 0)
    await leased(db, row_id)
    async with db.read() as conn:
        await outbox.fail(conn, stale, "too late")
        await outbox.bury(conn, stale, "too late")
        await outbox.put_back(conn, stale, "too late")
    assert await state(db, row_id) == "leased"
