"""PostgreSQL silent, killed, full, read-only or gone: the answer comes within its budget, and everything heals by itself.

Each test breaks a server of their own.
"""

# ruff: noqa: PT012 - what fails here is a block: a transaction

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import psycopg2
import pytest

from shop.db import CommitUnknown, Connection, Database, DbError, DbTimeout, DbUnavailable, LockNotAvailable, ReadOnly
from shop.db.group_commit import GroupCommit
from shop.db.link import Link
from shop.deadline import deadline
from shop.embedded import DATABASE, Postgres
from shop.settings import Settings
from shop.start_checks import WrongDatabase, check_database, require_room
from tests.servers import scratch_folder

SHOP = Path(__file__).parents[2] / "shop"
HOLDER = """
import psycopg2, sys, time
connection = psycopg2.connect(sys.argv[1])
connection.cursor().execute("SELECT * FROM goods FOR UPDATE")
print(1, flush=True)
time.sleep(60)
"""


@pytest.fixture(scope="module")
def broken() -> Iterator[Postgres]:
    """A server to be broken, with a table of goods."""
    with scratch_folder() as folder:
        server = Postgres(folder, durable=True).start()
        try:
            as_superuser(server, "CREATE TABLE goods (id int PRIMARY KEY, stock int NOT NULL CHECK (stock >= 0))")
            as_superuser(server, "GRANT ALL ON goods TO PUBLIC")
            yield server
        finally:
            server.stop()


@pytest.fixture
async def database(broken: Postgres) -> AsyncIterator[Database]:
    as_superuser(broken, "TRUNCATE goods; INSERT INTO goods SELECT id, 100 FROM generate_series(1, 3) id")
    database = await Database.open(url=broken.web_url, max_size=5)
    yield database
    await database.close()


def as_superuser(server: Postgres, sql: str, database: str = DATABASE) -> None:
    connection = psycopg2.connect(server.superuser_url, dbname=database)
    connection.autocommit = True
    connection.cursor().execute(sql)
    connection.close()


def processes(server: Postgres) -> list[int]:
    """The postmaster and all its children."""
    assert server.pid is not None
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
    return [server.pid, *map(int, children)]


@contextlib.contextmanager
def silent(server: Postgres) -> Iterator[None]:
    """Nothing of it answers, and no connection is closed: what a lost network looks like."""
    stopped = processes(server)
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)


async def stock(database: Database) -> int:
    async with database.read() as conn:
        return int(await conn.fetch_value("SELECT stock FROM goods WHERE id = 1"))


async def sell(database: Database) -> int:
    async with database.transaction() as conn:
        return await conn.execute("UPDATE goods SET stock = stock - 1 WHERE id = 1 AND stock > 0")


async def refused(work: Callable[[], Awaitable[object]], *, within: float) -> DbError:
    """The error it ends with, in time."""
    start = time.monotonic()
    with pytest.raises(DbError) as told:
        await work()
    assert time.monotonic() - start < within
    return told.value


async def recovered(database: Database, *, within: float = 5.0) -> None:
    """Questions are answered again, in time."""
    end = time.monotonic() + within
    while True:
        try:
            await stock(database)
            return
        except DbError:
            assert time.monotonic() < end
            await asyncio.sleep(0.05)


class Lag:
    """How long the loop was ever held up, in seconds."""

    worst = 0.0

    async def __aenter__(self) -> Lag:
        self._task = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *error: object) -> None:
        self._task.cancel()

    async def _watch(self) -> None:
        while True:
            start = time.monotonic()
            await asyncio.sleep(0.01)
            self.worst = max(self.worst, time.monotonic() - start - 0.01)


async def test_d2_d8_a_silent_server_holds_nobody_beyond_the_budget(broken: Postgres, database: Database) -> None:
    assert await stock(database) == 100
    async with Lag() as lag, contextlib.AsyncExitStack() as stack:
        conn = await stack.enter_async_context(database.read())
        with silent(broken):
            # a connection that was there, one that would have to be made, a transaction
            assert isinstance(await refused(lambda: conn.fetch_value("SELECT 1"), within=1.4), DbTimeout)
            assert isinstance(await refused(lambda: stock(database), within=1.9), DbTimeout | DbUnavailable)
            assert isinstance(await refused(lambda: sell(database), within=2.9), DbTimeout | DbUnavailable)
            with deadline(0.3):
                await refused(lambda: stock(database), within=0.7)
            many = [asyncio.create_task(refused(lambda: stock(database), within=2.2)) for _ in range(30)]
            await asyncio.gather(*many)
    assert lag.worst < 0.3
    await recovered(database)
    assert await stock(database) == 100
    assert database.pool.busy == 0


async def test_a_cancelled_caller_of_a_silent_server_leaves_at_once(broken: Postgres, database: Database) -> None:
    await stock(database)
    with silent(broken):
        tasks = [asyncio.create_task(sell(database)) for _ in range(8)]
        await asyncio.sleep(0.05)
        start = time.monotonic()
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=10)
        assert time.monotonic() - start < 0.7  # the answer itself would be given up after a second
        assert all(task.cancelled() for task in tasks)
    await recovered(database)
    assert await stock(database) == 100


async def test_a_commit_without_an_answer_says_that_it_is_not_known(broken: Postgres, database: Database) -> None:
    async def work() -> None:
        async with database.transaction() as conn:
            await conn.execute("UPDATE goods SET stock = 7 WHERE id = 1")
            stack.enter_context(silent(broken))

    with contextlib.ExitStack() as stack:
        assert isinstance(await refused(work, within=2.5), CommitUnknown)
    await recovered(database)
    assert await stock(database) in (7, 100)


async def test_a_killed_backend_is_noticed_and_a_read_asked_again(broken: Postgres, database: Database) -> None:
    kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'shop_web'"
    assert await stock(database) == 100
    as_superuser(broken, kill)
    await asyncio.sleep(0.05)
    assert await stock(database) == 100  # an idle one: noticed
    async with database.read() as conn:
        as_superuser(broken, kill)
        assert await conn.fetch_value("SELECT 1") == 1  # a lent one: asked again
        as_superuser(broken, kill)
        with pytest.raises(DbUnavailable):  # a write never is
            await conn.execute("UPDATE goods SET stock = 1")
    async with database.read() as conn:
        slow = asyncio.create_task(conn.fetch_value("SELECT 5 FROM pg_sleep(0.3)"))
        await asyncio.sleep(0.1)
        as_superuser(broken, kill)
        assert await slow == 5  # in the middle of its statement
    with pytest.raises(DbUnavailable):
        async with database.transaction() as conn:
            await conn.execute("UPDATE goods SET stock = 1")
            as_superuser(broken, kill)
            await conn.execute("SELECT 1")
    assert await stock(database) == 100


async def test_d4_d11_a_full_server_is_503_and_starting_is_lazy(broken: Postgres) -> None:
    as_superuser(broken, "INSERT INTO goods VALUES (1, 100) ON CONFLICT DO NOTHING")
    as_superuser(broken, "ALTER ROLE shop_web CONNECTION LIMIT 12")
    databases = [await Database.open(url=broken.web_url, max_size=10) for _ in range(20)]
    try:
        await asyncio.sleep(0.5)
        assert sum(database.pool.size for database in databases) <= 20
        answers = await asyncio.gather(*[stock(database) for database in databases], return_exceptions=True)
        told = [answer for answer in answers if isinstance(answer, BaseException)]
        # Either is a 503 page; on a busy machine an answer may also be late.
        assert all(isinstance(answer, DbUnavailable | DbTimeout) and answer.retry_after > 0 for answer in told)
        assert len(answers) - len(told) >= 10
        for database in databases[:15]:
            await database.close()
        await asyncio.gather(*[recovered(database) for database in databases[15:]])
    finally:
        for database in databases:
            await database.close()
        as_superuser(broken, "ALTER ROLE shop_web CONNECTION LIMIT -1")


async def test_d4_the_pools_must_fit_the_server(database: Database) -> None:
    async with database.read() as conn:
        await require_room(conn, processes=9)  # 9 × 10 of 100, of which 3 are the superuser's and 5 other people's
        with pytest.raises(WrongDatabase, match="SHOP_PROCESSES: 10 may open 100 connections, and PostgreSQL has 92"):
            await require_room(conn, processes=10)


async def test_d4_a_shop_that_does_not_fit_does_not_start(broken: Postgres, settings: Settings, clean: None) -> None:
    """Behind a pooler, which makes few of many, it does."""
    crowd = settings.model_copy(update={"processes": 10, "database_listen_url": ""})
    with pytest.raises(WrongDatabase, match="SHOP_PROCESSES"):
        await check_database(crowd)
    await check_database(crowd.model_copy(update={"database_listen_url": broken.web_url}))


async def test_d6_a_thousand_buyers_of_a_hundred_units(database: Database) -> None:
    async def work(conn: Connection, buyers: object) -> list[bool]:
        wanted = len(list(buyers))  # type: ignore[call-overload]
        sold = await conn.fetch_value(
            "WITH before AS (SELECT stock FROM goods WHERE id = 1 FOR UPDATE) UPDATE goods SET stock = goods.stock - least("
            "goods.stock, %(n)s) FROM before WHERE id = 1 RETURNING before.stock - goods.stock",
            {"n": wanted},
        )
        return [place < sold for place in range(wanted)]

    group: GroupCommit[int, bool] = GroupCommit(database, work)
    start = time.monotonic()
    answers = await asyncio.gather(*[group.submit(buyer) for buyer in range(1000)])
    assert time.monotonic() - start < 2
    assert sum(answers) == 100
    assert await stock(database) == 0
    await group.close()


async def test_d6_whoever_waits_a_second_for_a_row_is_told_busy(database: Database) -> None:
    async with database.transaction() as conn:
        await conn.execute("UPDATE goods SET stock = 99 WHERE id = 1")
        told = await asyncio.create_task(refused(lambda: sell(database), within=1.5))
    assert isinstance(told, LockNotAvailable)
    assert told.retry_after == 1
    assert await stock(database) == 99


async def test_d7_locks_of_a_killed_process_are_gone_within_two_seconds(broken: Postgres, database: Database) -> None:
    holder = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLDER, broken.web_url, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert holder.stdout is not None
        assert await holder.stdout.readline() == b"1\n"
        assert isinstance(await refused(lambda: sell(database), within=2.5), LockNotAvailable)
    finally:
        holder.kill()
        await holder.communicate()
    start = time.monotonic()
    assert await sell(database) == 1
    assert time.monotonic() - start < 2


async def test_d7_the_roles_carry_the_timeouts(database: Database) -> None:
    names = (
        "statement_timeout",
        "lock_timeout",
        "idle_in_transaction_session_timeout",
        "client_connection_check_interval",
    )
    async with database.read() as conn:
        values = [await conn.fetch_value("SELECT current_setting(%(name)s)", {"name": name}) for name in names]
    assert values == ["2s", "1s", "5s", "500ms"]


async def test_d9_a_full_disk_is_an_error_of_ours(database: Database) -> None:
    async with database.read() as conn:
        told = await refused(
            lambda: conn.execute("DO $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$"),
            within=1,
        )
        assert isinstance(told, DbUnavailable)
        assert await conn.fetch_value("SELECT 1") == 1


async def test_d9_after_a_crash_everything_that_was_acknowledged_is_there(broken: Postgres, database: Database) -> None:
    # What a full WAL disk ends in (PANIC): every process of the server is gone at once.
    sold = sum([await sell(database) for _ in range(5)])
    for pid in reversed(processes(broken)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    assert isinstance(await refused(lambda: sell(database), within=2), DbUnavailable)
    assert isinstance(await refused(lambda: stock(database), within=1), DbUnavailable)
    await asyncio.to_thread(broken.stop)
    await asyncio.to_thread(broken.start)
    await recovered(database)
    assert await stock(database) == 100 - sold


@pytest.fixture
def on_a_small_disk() -> Iterator[tuple[Postgres, Path]]:
    """A server on a disk of 160 MB, and a file that takes what is left of it."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small disk")
    with scratch_folder() as folder:
        if subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=160m,mode=755", "tmpfs", str(folder)], check=False
        ).returncode:
            pytest.skip("this machine mounts nothing")
        server = Postgres(folder, durable=True)
        try:
            server.start()
            as_superuser(server, "CREATE TABLE notes (n int, text text); GRANT ALL ON notes TO PUBLIC")
            yield server, folder / "filler"
        finally:
            server.stop()
            subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(filler: Path) -> None:
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(1 << 16)):
            pass


@pytest.mark.slow
async def test_d9_a_full_disk_loses_nothing_that_was_acknowledged(on_a_small_disk: tuple[Postgres, Path]) -> None:
    server, filler = on_a_small_disk
    database = await Database.open(url=server.web_url)
    written: set[int] = set()
    refusals: list[DbError] = []

    async def write(number: int) -> None:
        try:
            async with database.transaction() as conn:
                await conn.execute("INSERT INTO notes SELECT %(n)s, repeat(md5(random()::text), 20000)", {"n": number})
            written.add(number)
        except DbError as error:
            refusals.append(error)

    await write(0)
    assert written == {0}
    await asyncio.to_thread(fill, filler)
    while len(refusals) < 5:
        await write(len(written) + len(refusals))
    assert {type(error) for error in refusals} <= {DbUnavailable, DbTimeout, CommitUnknown}
    await asyncio.to_thread(filler.unlink)
    if server.pid is None:  # there was no room for the WAL: PANIC
        await asyncio.to_thread(server.start)
    async with asyncio.timeout(10):
        while 1000 not in written:
            await write(1000)
            await asyncio.sleep(0.1)
    async with database.read() as conn:
        assert {row.n for row in await conn.fetch_all("SELECT n FROM notes")} >= written
    await database.close()


async def test_d10_a_read_only_server_reads_and_says_so_on_writes(broken: Postgres) -> None:
    as_superuser(broken, f"ALTER DATABASE {DATABASE} SET default_transaction_read_only = on")
    database = await Database.open(url=broken.web_url)
    try:
        assert await stock(database) >= 0
        told = await refused(lambda: sell(database), within=1)
        assert isinstance(told, ReadOnly)
        assert told.retry_after > 0
    finally:
        await database.close()
        as_superuser(broken, f"ALTER DATABASE {DATABASE} RESET default_transaction_read_only", "postgres")


async def test_a_replica_takes_only_reads_that_may_be_stale(broken: Postgres) -> None:
    as_superuser(broken, "CREATE DATABASE replica TEMPLATE template0", "postgres")
    database = await Database.open(
        url=broken.web_url, replica_url=broken.superuser_url.replace("/postgres?", "/replica?")
    )
    try:
        async with database.read() as conn:
            assert await conn.fetch_value("SELECT current_database()") == DATABASE
        async with database.read(stale_ok=True) as conn:
            assert await conn.fetch_value("SELECT current_database()") == "replica"
    finally:
        await database.close()


async def test_without_its_replica_the_primary_answers(broken: Postgres) -> None:
    database = await Database.open(url=broken.web_url, replica_url="postgresql://nobody@/nothing?host=/nowhere")
    try:
        async with database.read(stale_ok=True) as conn:
            assert await conn.fetch_value("SELECT current_database()") == DATABASE
    finally:
        await database.close()


async def test_an_absent_server_is_no_error_until_somebody_asks(caplog: pytest.LogCaptureFixture) -> None:
    """The log says it in one line, however many ask."""
    database = await Database.open(url="postgresql://nobody@/nothing?host=/nowhere")
    try:
        for _ in range(3):
            told = await refused(lambda: stock(database), within=0.6)
            assert isinstance(told, DbUnavailable)
            assert told.retry_after == 5
    finally:
        await database.close()
    assert isinstance(await refused(lambda: stock(database), within=0.1), DbUnavailable)
    (line,) = [record for record in caplog.records if record.name == "shop.db.pool"]
    assert line.getMessage().startswith("PostgreSQL cannot be reached: connection to server on socket")
    assert "\n" not in line.getMessage()
    assert line.exc_info is None


async def test_an_answer_that_comes_in_the_last_moment_leaves_the_connection_whole(broken: Postgres) -> None:
    link = await Link.connect(broken.web_url, 5)
    asked = asyncio.create_task(link.run("SELECT 1", None, 0.05))
    await asyncio.sleep(0)
    time.sleep(0.2)  # noqa: ASYNC251 - the loop is busy, and then finds the answer and the end of the time together
    assert (await asked).fetchone() == (1,)
    assert link.is_clean
    link.close()


def test_d3_nobody_else_takes_connections() -> None:
    """Every connection comes from `Pool.acquire`, which always ends: the drivers are imported nowhere else."""
    driver = re.compile(r"^\s*(import|from) (aiopg|asyncpg|psycopg)\b", re.M)
    sources = {path.relative_to(SHOP): path.read_text() for path in SHOP.rglob("*.py")}
    assert [path for path, source in sources.items() if driver.search(source)] == [Path("db/link.py")]
    users = [path for path, source in sources.items() if re.search(r"from (shop\.db)?\.pool import", source)]
    assert users == [Path("db/engine.py")]


def test_d12_what_expires_expires_by_the_databases_clock() -> None:
    """No domain file reads the clock of the web process."""
    domain = [path for name in ("models", "queries", "service") for path in SHOP.rglob(f"{name}.py")]
    clocks = ("datetime.now", "datetime.utcnow", "date.today", "time.time(")
    assert [path.relative_to(SHOP) for path in domain if any(clock in path.read_text() for clock in clocks)] == []
