"""While a service is away one row at a time asks for it; when it answers, all go on."""

import pytest

from shop import breakers, outbox
from shop.db import Connection, Database
from shop.outbox import Lease

TASK = "tasks.mail.send_activation"


async def promised(db: Database, count: int, task: str = TASK) -> list[int]:
    async with db.transaction() as conn:
        return [await outbox.promise(conn, task, account_id=number) for number in range(count)]


async def leased(conn: Connection, row_id: int) -> Lease:
    held = await outbox.lease(conn, row_id)
    assert held is not None
    return held


async def met_nobody(conn: Connection, held: Lease) -> bool:
    opened = await breakers.trip(conn, held)
    await outbox.put_back(conn, held, "connection refused")
    return opened


async def test_f_m1_an_open_breaker_holds_back_its_own_service_only(db: Database) -> None:
    first, second = await promised(db, 2)
    (other,) = await promised(db, 1, "tasks.upkeep.sweep")
    async with db.read() as conn:
        assert await met_nobody(conn, await leased(conn, first)) is True
        assert await outbox.claim(conn, 10) == [(other, "tasks.upkeep.sweep")]
        assert await outbox.lease(conn, second) is None
        assert await breakers.claim_probes(conn) == []
        assert await conn.fetch_value("SELECT attempts FROM outbox WHERE id = %(id)s", {"id": first}) == 0


async def test_f_m1_one_probe_at_a_time_and_never_the_same_row_twice(db: Database) -> None:
    first, second = await promised(db, 2)
    async with db.read() as conn:
        await met_nobody(conn, await leased(conn, first))
        await conn.execute("UPDATE outbox_breakers SET probe_at = now()")
        assert await breakers.claim_probes(conn) == [(second, TASK)]
        assert await breakers.claim_probes(conn) == []
        assert await outbox.lease(conn, first) is None
        assert await met_nobody(conn, await leased(conn, second)) is False
        await conn.execute("UPDATE outbox_breakers SET probe_at = now()")
        assert await breakers.claim_probes(conn) == [(first, TASK)]


@pytest.mark.parametrize(("failures", "seconds"), [(1, 2), (2, 4), (4, 16), (5, 30), (500, 30)])
async def test_probes_come_at_most_30_s_apart(db: Database, failures: int, seconds: int) -> None:
    (row_id,) = await promised(db, 1)
    async with db.read() as conn:
        await met_nobody(conn, await leased(conn, row_id))
        await conn.execute("UPDATE outbox_breakers SET probe_at = now(), failures = %(n)s", {"n": failures})
        await breakers.claim_probes(conn)
        await met_nobody(conn, await leased(conn, row_id))
        wait = await conn.fetch_value(
            "SELECT extract(epoch FROM probe_at - clock_timestamp())::float FROM outbox_breakers"
        )
    assert seconds - 0.5 < wait <= seconds


async def test_many_who_fail_at_once_are_one_failure(db: Database) -> None:
    rows = await promised(db, 5)
    async with db.read() as conn:
        held = [await leased(conn, row_id) for row_id in rows]
        assert [await met_nobody(conn, one) for one in held] == [True, False, False, False, False]
        assert await conn.fetch_value("SELECT failures FROM outbox_breakers") == 1


async def test_f_m1_when_the_service_answers_every_waiting_row_is_due_at_once(db: Database) -> None:
    rows = await promised(db, 5)
    async with db.read() as conn:
        await outbox.claim(conn, 10)
        await met_nobody(conn, await leased(conn, rows[0]))
        await conn.execute("UPDATE outbox_breakers SET probe_at = now()")
        ((probe, _),) = await breakers.claim_probes(conn)
        held = await leased(conn, probe)
        await outbox.done(conn, held)
        assert await breakers.close(conn, held) is True
        assert await breakers.close(conn, held) is False
        assert {row_id for row_id, _ in await outbox.claim(conn, 10)} == set(rows) - {probe}
