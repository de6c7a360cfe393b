"""A shop on several machines, all of them on loopback: a replica of PostgreSQL, PgBouncer before the primary, Redis behind sentinels.

Everything but the shop comes from Debian's packages with SERVICES=system. Each part is killed once under load.
"""

from __future__ import annotations

import asyncio
import shutil
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import quote

import psycopg2

from shop.children import run_as, start_child, stop_child
from shop.embedded import DATABASE, OWNER, SUPERUSER, WEB, Postgres
from shop.placement import give, socket_folder, unprivileged
from tests.cache.constellation import NAME, Constellation
from tests.faults.cell import Cell
from tests.faults.crowd import Crowd
from tests.faults.inject.web import ready
from tests.faults.scratch import Scratch

POOLER: Final = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/bin:/usr/local/sbin") or ""
INI: Final = """
[databases]
* = host={postgres}
[pgbouncer]
pool_mode = transaction
default_pool_size = 15
server_login_retry = 1
listen_addr =
listen_port = 6432
unix_socket_dir = {folder}
auth_type = trust
auth_file = {folder}/users.txt
"""


@dataclass
class Standby:
    """A streaming replica of the place's PostgreSQL."""

    primary: Postgres
    home: Path
    sockets: Path
    process: subprocess.Popen[bytes] | None = None

    def copy(self) -> None:
        account = unprivileged()
        self.home.mkdir(mode=0o700)
        give(self.home, account)
        program = str(self.primary.binaries / "pg_basebackup")
        host = str(self.primary.socket_folder)
        copied = run_as(account, [program, "-h", host, "-U", SUPERUSER, "-D", str(self.home), "-R", "-c", "fast"])
        assert copied.returncode == 0, copied.stderr

    def start(self) -> None:
        options = {
            "listen_addresses": "",
            "unix_socket_permissions": "0700",
            "shared_buffers": "64MB",
            "timezone": "UTC",
        }
        given = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        command = [str(self.primary.binaries / "postgres"), "-D", str(self.home), "-k", str(self.sockets), *given]
        log = self.home.with_suffix(".out")
        self.process = start_child(command, log=log, dies_by=signal.SIGINT, account=unprivileged())
        end = time.monotonic() + 60
        while True:
            try:
                psycopg2.connect(self.url(SUPERUSER, "postgres")).close()
                return
            except psycopg2.OperationalError:
                assert time.monotonic() < end, log.read_text()[-2000:]
                time.sleep(0.05)

    def url(self, user: str, database: str) -> str:
        return f"postgresql://{user}@/{database}?host={quote(str(self.sockets), safe='')}"

    def kill(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()

    def promote(self) -> None:
        connection = psycopg2.connect(self.url(SUPERUSER, "postgres"))
        connection.autocommit = True
        connection.cursor().execute("SELECT pg_promote(true, 30)")
        connection.close()

    def readers(self) -> int:
        """How many connections of the shop read here."""
        with psycopg2.connect(self.url(SUPERUSER, "postgres")) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE usename = %s", (WEB,))
            row = cursor.fetchone()
        return int(row[0]) if row else 0


@dataclass
class Pooler:
    """PgBouncer in transaction mode, before whichever server is the primary."""

    folder: Path
    process: subprocess.Popen[bytes] | None = None

    def point_at(self, sockets: Path) -> None:
        (self.folder / "pgbouncer.ini").write_text(INI.format(postgres=sockets, folder=self.folder))
        (self.folder / "users.txt").write_text(f'"{WEB}" ""\n"{OWNER}" ""\n')
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGHUP)

    def start(self) -> None:
        (self.folder / ".s.PGSQL.6432").unlink(missing_ok=True)
        account = unprivileged()
        give(self.folder, account)
        command = [POOLER, str(self.folder / "pgbouncer.ini")]
        self.process = start_child(command, log=self.folder.with_suffix(".out"), account=account)

    def kill(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()


@dataclass
class Machines:
    """What stands around the shop."""

    standby: Standby
    pooler: Pooler
    redis: Constellation
    ports: list[int]
    sentinels: list[int]
    environ: dict[str, str] = field(default_factory=dict)


@contextmanager
def machines(folder: Path, postgres: Postgres) -> Iterator[Machines]:
    """Start everything; the shop reaches it by `environ`."""
    account = unprivileged()
    standby = Standby(postgres, folder / "standby", socket_folder(folder / "run-standby", account))
    pooler = Pooler(socket_folder(folder / "run-pooler", account))
    (folder / "constellation").mkdir()
    redis = Constellation(folder / "constellation")
    try:
        standby.copy()
        standby.start()
        pooler.point_at(postgres.socket_folder)
        pooler.start()
        primary = redis.server()
        replica = redis.server(primary)
        sentinels = [redis.sentinel(primary) for _ in range(3)]
        made = Machines(standby, pooler, redis, [primary, replica], sentinels)
        made.environ = _environ(made, postgres)
        yield made
    finally:
        redis.stop()
        if pooler.process:
            stop_child(pooler.process, signal.SIGTERM)
        if standby.process:
            stop_child(standby.process, signal.SIGINT)


def _environ(made: Machines, postgres: Postgres) -> dict[str, str]:
    a, b = (quote(str(folder), safe="") for folder in (postgres.socket_folder, made.standby.sockets))
    asked = ",".join(f"127.0.0.1:{port}" for port in made.sentinels)
    return {
        "SHOP_DATABASE_URL": f"postgresql://{WEB}@/{DATABASE}?host={quote(str(made.pooler.folder), safe='')}&port=6432",
        "SHOP_DATABASE_LISTEN_URL": f"postgresql://{WEB}@/{DATABASE}?host={a},{b}&target_session_attrs=read-write",
        "SHOP_REPLICA_URL": f"postgresql://{WEB}@/{DATABASE}?host={b}",
        "SHOP_REDIS_URL": f"redis+sentinel://{asked}/{NAME}/0",
        "SHOP_CACHE_URL": f"redis+sentinel://{asked}/{NAME}/1",
        "SHOP_BROKER_URL": f"redis+sentinel://{asked}/{NAME}/2",
    }


@asynccontextmanager
async def replica_killed(shop: Scratch, _crowd: Crowd, _chance: object) -> AsyncIterator[None]:
    """Pages that may be a little old are read there; they come from the primary now."""
    standby = shop.around.standby
    assert await asyncio.to_thread(standby.readers), "nobody reads from the replica"
    standby.kill()
    yield
    await asyncio.to_thread(standby.start)


@asynccontextmanager
async def pooler_killed(shop: Scratch, _crowd: Crowd, _chance: object) -> AsyncIterator[None]:
    """Every connection of the shop's goes through it."""
    shop.around.pooler.kill()
    yield
    shop.around.pooler.start()


@asynccontextmanager
async def one_of_each_gone(shop: Scratch, _crowd: Crowd, _chance: object) -> AsyncIterator[None]:
    """The second machine: a web process, a worker, a relay and a sentinel."""
    gone = [shop.of(kind)[1] for kind in ("web", "worker", "relay")]
    for program in gone:
        program.is_wanted = False
        program.signal(signal.SIGKILL)
    shop.around.redis.kill(shop.around.sentinels[2])
    yield
    for program in gone:
        program.is_wanted = True
    await ready(shop)


@asynccontextmanager
async def redis_primary_killed(shop: Scratch, _crowd: Crowd, _chance: object) -> AsyncIterator[None]:
    """The sentinels elect the replica."""
    shop.around.redis.kill(shop.around.ports[0])
    yield


@asynccontextmanager
async def primary_killed(shop: Scratch, _crowd: Crowd, _chance: object) -> AsyncIterator[None]:
    """Every commit waits for the replica first, so that nothing that was confirmed stays behind."""
    standby = shop.around.standby
    await asyncio.to_thread(shop.say, "ALTER SYSTEM SET synchronous_standby_names = '*'")
    await asyncio.to_thread(shop.say, "SELECT pg_reload_conf()")
    await asyncio.sleep(1)
    await asyncio.to_thread(shop.signal_postgres, signal.SIGKILL)
    await asyncio.to_thread(standby.promote)
    shop.around.pooler.point_at(standby.sockets)
    shop.superuser_url = standby.url(SUPERUSER, DATABASE)
    await asyncio.to_thread(shop.say, "ALTER SYSTEM RESET synchronous_standby_names")
    await asyncio.to_thread(shop.say, "SELECT pg_reload_conf()")
    yield


# Each part of it, killed once; the order matters, for what was promoted stays so.
CELLS: Final = (
    Cell(
        "M1",
        "the replica killed -9, started after 3 s",
        replica_killed,
        hold=3,
        budget=1,
        failures=0,
        crashes=0,
        is_short=False,
    ),
    Cell("M2", "PgBouncer killed -9, started after 2 s", pooler_killed),
    Cell(
        "M3",
        "a web process, worker, relay and sentinel gone for 5 s",
        one_of_each_gone,
        hold=5,
        budget=2,
        is_short=False,
    ),
    Cell("M4", "Redis primary killed -9, sentinels elect the replica", redis_primary_killed, hold=3, crashes=3),
    Cell("M5", "PostgreSQL primary killed -9, replica promoted", primary_killed, hold=0.1, budget=5),
)
