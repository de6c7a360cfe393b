"""Behind PgBouncer in transaction mode, where each transaction may meet another backend: the same tests hold as without it.

Everything goes through the pooler but what listens (SHOP_DATABASE_LISTEN_URL). Five backends serve all connections of the tests.
"""

# ruff: noqa: PT012 - what fails here is a block: a transaction

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from shop.children import Account, start_child, stop_child, wait_until
from shop.db import Database, DbTimeout, UniqueViolation
from shop.embedded import OWNER, WEB, Postgres
from shop.placement import give, unprivileged
from shop.settings import Settings
from tests.accounts import test_walk
from tests.db import test_group_commit, test_listen, test_querysets, test_races, test_transactions
from tests.db.cast import Category
from tests.orders import conftest, test_placing, test_story
from tests.servers import scratch_folder

PROGRAM = shutil.which("pgbouncer", path="/usr/sbin:/usr/local/sbin:/usr/local/bin:/usr/bin:/opt/homebrew/bin")
BACKENDS = 5
INI = """
[databases]
* = host={postgres}
[pgbouncer]
pool_mode = transaction
default_pool_size = {backends}
max_client_conn = 2000
listen_addr =
listen_port = 6432
unix_socket_dir = {folder}
auth_type = trust
auth_file = {folder}/users.txt
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PROGRAM is None, reason="needs PgBouncer: apt-get install pgbouncer"),
]

# The same tests with the fixtures of this file, which stand in front of theirs.
for module in (
    conftest,
    test_querysets,
    test_transactions,
    test_races,
    test_group_commit,
    test_listen,
    test_story,
    test_placing,
    test_walk,
):
    globals().update({name: value for name, value in vars(module).items() if name not in globals()})


@pytest.fixture(scope="session")
def pooler(postgres: Postgres) -> Iterator[Path]:
    """The folder of a running PgBouncer's socket."""
    assert PROGRAM is not None
    account = unprivileged()
    with scratch_folder() as folder:
        ini = folder / "pgbouncer.ini"
        ini.write_text(INI.format(postgres=postgres.socket_folder, folder=folder, backends=BACKENDS))
        (folder / "users.txt").write_text(f'"{WEB}" ""\n"{OWNER}" ""\n')
        give(folder, account)
        child = started(PROGRAM, ini, account)
        yield folder
        stop_child(child)


def started(program: str, ini: Path, account: Account | None) -> subprocess.Popen[bytes]:
    child = start_child([program, str(ini)], log=ini.with_suffix(".log"), account=account)
    wait_until((ini.parent / ".s.PGSQL.6432").exists, child, 20)
    return child


def through(pooler: Path, url: str) -> str:
    """The same database by way of the pooler."""
    return f"{url.partition('?')[0]}?host={quote(str(pooler), safe='')}&port=6432"


@pytest.fixture(scope="session")
def settings(settings: Settings, pooler: Path) -> Settings:
    """The shop behind the pooler."""
    direct = settings.database_url
    return settings.model_copy(update={"database_url": through(pooler, direct), "database_listen_url": direct})


@pytest.fixture(scope="session")
async def database(settings: Settings) -> AsyncIterator[Database]:
    database = await Database.open(url=settings.database_url, listen_url=settings.database_listen_url)
    yield database
    await database.close()


@pytest.fixture(scope="session")
def own_url(own_url: str, pooler: Path) -> str:
    return through(pooler, own_url)


@pytest.fixture(scope="session")
async def own_database(own_url: str) -> AsyncIterator[Database]:
    database = await Database.open(url=own_url, max_size=10)
    yield database
    await database.close()


async def test_connections_share_backends_transaction_by_transaction(own: Database) -> None:
    async def asks(rounds: int) -> set[int]:
        backends = set()
        for _ in range(rounds):
            async with own.transaction() as conn:
                first = await conn.fetch_value("SELECT pg_backend_pid()")
                assert await conn.fetch_value("SELECT pg_backend_pid()") == first
                backends.add(first)
        return backends

    found = set().union(*await asyncio.gather(*[asks(20) for _ in range(10)]))

    assert 1 < len(found) <= BACKENDS
    assert own.pool.size > BACKENDS


async def test_the_timeouts_of_the_role_hold_on_every_backend(own: Database) -> None:
    async with own.read() as conn:
        rows = [await conn.fetch_value(f"SHOW {name}") for name in ("statement_timeout", "lock_timeout", "timezone")]
    assert rows == ["2s", "1s", "UTC"]


async def test_a_statement_timeout_of_the_server_is_an_error_of_ours(own: Database) -> None:
    with pytest.raises(DbTimeout) as told:
        async with own.transaction() as conn:
            await conn.execute("SET LOCAL statement_timeout = '100ms'")
            await conn.execute("SELECT pg_sleep(1)")
    assert told.value.sqlstate == "57014"
    async with own.read() as conn:
        assert await conn.fetch_value("SHOW statement_timeout") == "2s"


async def test_a_savepoint_is_that_of_its_own_transaction(own: Database) -> None:
    async with own.transaction() as conn:
        await Category.objects.using(conn).create(slug="fruit", name="Fruit")
        with pytest.raises(UniqueViolation):
            async with conn.savepoint():
                await Category.objects.using(conn).create(slug="fruit", name="Again")
        await Category.objects.using(conn).create(slug="tea", name="Tea")
    async with own.read() as conn:
        assert await Category.objects.using(conn).order_by("id").values_list("slug", flat=True) == ["fruit", "tea"]
