"""A real shop on scratch servers that may be broken: two web processes, two workers, two relays, and who starts them again.

What stands in for systemd here restarts whatever ended after a second, and kills what its watchdog no longer hears.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, Protocol

import psycopg2
from redis import Redis
from redis.exceptions import RedisError

from shop.children import wait_gone
from shop.db import Database
from shop.db.migrations import migrate
from shop.delivery.models import Area
from shop.embedded import DATABASE, Postgres
from shop.placement import valkey_server
from shop.settings import Settings
from tests.orders.market import Market
from tests.production.place import environment, start
from tests.servers import scratch_folder
from tests.tasks.crew import MailServer
from tests.world import Person, customer

PEOPLE: Final = 8
SKUS: Final = 6
STOCK: Final = 1_000_000
WATCHDOG_SECONDS: Final = 8.0  # as the unit has it
RESTART_SECONDS: Final = 1.0
WEB: Final = [sys.executable, "run.py", "serve"]
WORKER: Final = [
    sys.executable,
    *"-m celery --quiet -A tasks.app worker --pool=solo --without-gossip --without-mingle".split(),
]
RELAY: Final = [sys.executable, "-m", "tasks.relay"]


class Server:
    """A Valkey that may be killed, silenced and started again on its own file."""

    def __init__(self, home: Path, **options: str) -> None:
        home.mkdir(parents=True)
        self.home = home
        self.socket = home / "v.sock"
        chosen = {"appendonly": "yes", "save": "", "port": "0", "maxmemory-policy": "noeviction", **options}
        given = [part for name, value in chosen.items() for part in (f"--{name}", value)]
        self._command = [str(valkey_server()), "--unixsocket", str(self.socket), "--dir", str(home), *given]
        self.redis = Redis(unix_socket_path=str(self.socket), socket_timeout=5)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (self.home / "log").open("ab") as log:
            self.process = subprocess.Popen(self._command, stdout=log, stderr=log)
        end = time.monotonic() + 30
        while time.monotonic() < end:
            with suppress(RedisError):
                self.redis.ping()
                return
            time.sleep(0.02)
        raise TimeoutError("Valkey did not start")

    def signal(self, sign: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(sign)

    def kill(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()
        self.redis.close()


@dataclass
class Program:
    """A process that is started again when it ends, for as long as it is wanted."""

    name: str
    command: list[str]
    environ: Mapping[str, str]
    log: Path
    listener: socket.socket | None = None
    process: subprocess.Popen[bytes] | None = None
    is_wanted: bool = True
    ended_at: float = 0.0
    heard_at: float = 0.0
    is_ready: bool = False
    deaths: int = 0
    notes: socket.socket | None = None

    def start(self) -> None:
        """Begin anew, with a notify socket as systemd gives it."""
        self._open_notes()
        extra = {"NOTIFY_SOCKET": str(self._address()), "WATCHDOG_USEC": str(int(WATCHDOG_SECONDS * 1e6))}
        self.process = start(
            [sys.executable, str(LAUNCH), str(self.log), *self.command], {**self.environ, **extra}, self.listener
        )
        self._hear()  # what the one before had said
        self.ended_at = self.heard_at = 0.0
        self.is_ready = False

    def look(self) -> None:
        """Start it again when it ended, kill it when it fell silent."""
        if self.process is None:
            return
        self._hear()
        if self.process.poll() is None:
            if self.heard_at and time.monotonic() - self.heard_at > WATCHDOG_SECONDS:
                self.process.kill()
            return
        if not self.ended_at:
            self.ended_at = time.monotonic()
            self.deaths += 1
            self.is_ready = False
        if self.is_wanted and time.monotonic() - self.ended_at > RESTART_SECONDS:
            self.start()

    def signal(self, sign: signal.Signals) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(sign)

    def end(self) -> None:
        self.is_wanted = False
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGKILL)
        if self.process:
            self.process.wait()
        if self.notes:
            self.notes.close()

    def _address(self) -> Path:
        return self.log.with_suffix(".sock")

    def _open_notes(self) -> None:
        if self.notes is None:
            self.notes = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self.notes.bind(str(self._address()))
            self.notes.setblocking(False)

    def _hear(self) -> None:
        assert self.notes is not None
        with suppress(BlockingIOError):
            while said := self.notes.recv(1000):
                self.heard_at = time.monotonic()
                self.is_ready |= said == b"READY=1"


LAUNCH: Final = Path(__file__).with_name("launch.py")


@dataclass
class Place:
    """The whole shop and its servers."""

    folder: Path
    postgres: Postgres
    redis: Server
    broker: Server
    mail: MailServer
    settings: Settings
    market: Market
    port: int
    programs: list[Program] = field(default_factory=list)
    skus: list[int] = field(default_factory=list)
    superuser_url: str = ""
    around: Any = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def of(self, kind: str) -> list[Program]:
        return [program for program in self.programs if program.name.startswith(kind)]

    def logs(self) -> str:
        return "".join(path.read_text(errors="replace") for path in sorted(self.folder.glob("logs/*.log")))

    def superuser(self) -> psycopg2.extensions.connection:
        connection = psycopg2.connect(self.superuser_url or self.postgres.superuser_url, dbname=DATABASE)
        connection.autocommit = True
        return connection

    def backends(self) -> list[int]:
        """The process ids of the server's children."""
        found = []
        for path in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):
                if path.read_text().rpartition(")")[2].split()[1] == str(self.postgres.pid):
                    found.append(int(path.parent.name))
        return found

    def signal_postgres(self, sign: signal.Signals) -> None:
        """The whole server at once; its head first, or that would replace its children."""
        pids = [self.postgres.pid or 0, *self.backends()]
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, sign)
        if sign == signal.SIGKILL and self.postgres._process:
            self.postgres._process.wait()
            for pid in pids:
                wait_gone(pid, 10)

    async def keep_alive(self) -> None:
        """Look after every process until cancelled."""
        while True:
            for program in self.programs:
                program.look()
            await asyncio.sleep(0.05)

    async def ready(self, seconds: float = 180) -> None:
        """Wait until every web process has said that it serves."""
        end = time.monotonic() + seconds
        while any(not program.is_ready for program in self.of("web")):
            assert time.monotonic() < end, self.logs()[-3000:]
            await asyncio.sleep(0.05)


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[None]:
    """A disk of its own that can be filled, where we may mount one; else a folder."""
    folder.mkdir()
    options = f"size={megabytes}m,mode=0755"
    is_mounted = (
        os.geteuid() == 0
        and not subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "bayberry", str(folder)], capture_output=True, check=False
        ).returncode
    )
    try:
        yield
    finally:
        if is_mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=False)


def fill(folder: Path) -> Path:
    """Take every byte that is left on its disk; whoever deletes the file gives them back."""
    if not os.path.ismount(folder):
        raise RuntimeError("only root can give it a disk of its own")
    path = folder / "filler"
    with suppress(OSError), path.open("wb", buffering=0) as file:
        while file.write(bytes(1 << 16)):
            pass
    return path


def person(number: int) -> Person:
    """A shopper with a name no other page may show."""
    return Person(f"canary{number:03d}x", f"canary{number:03d}x@example.com")


@contextmanager
def servers(folder: Path) -> Iterator[tuple[Postgres, Server, Server, MailServer]]:
    postgres = Postgres(folder / "pg").start()
    redis, broker = Server(folder / "redis"), Server(folder / "broker")
    mail = MailServer()
    try:
        redis.start()
        broker.start()
        mail.open()
        migrate(postgres.owner_url)
        yield postgres, redis, broker, mail
    finally:
        mail.goes_on.set()
        mail.shut()
        redis.kill()
        broker.kill()
        postgres.stop()


class Surroundings(Protocol):
    """What stands around a shop, and the settings by which the shop reaches it."""

    environ: dict[str, str]


Around = Callable[[Path, Postgres, Server, Server], AbstractContextManager[Surroundings]]


@contextmanager
def alone(*_servers: object) -> Iterator[Surroundings]:
    """Nothing stands around it."""
    yield SimpleNamespace(environ={})


@asynccontextmanager
async def opened(around: Around = alone, *, web: int = 2) -> AsyncIterator[Place]:
    """The shop, stocked, with its people, serving."""
    with (
        scratch_folder() as folder,
        small_disk(folder / "pg", 400),
        small_disk(folder / "logs", 16),
        servers(folder) as (postgres, redis, broker, mail),
        around(folder, postgres, redis, broker) as others,
        socket.socket() as listener,
    ):
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", 0))
        listener.listen(1024)
        port = listener.getsockname()[1]
        (folder / "media").mkdir()
        settings = Settings.of(
            development=True, port=port, database_url=postgres.web_url, redis_url=f"unix://{redis.socket}?db=0",
            cache_url=f"unix://{redis.socket}?db=1", broker_url=f"redis+socket://{broker.socket}?virtual_host=0",
            mail_url=mail.url, secret_keys=(os.urandom(32),), state=folder,
        )  # fmt: skip
        environ = {
            **environment(settings, folder, f"http://127.0.0.1:{port}"),
            "SHOP_MAIL_URL": mail.url,
            "SHOP_TRUSTED_PROXIES": "127.0.0.1/32",
            "SHOP_OPEN_ORDERS": "100000",
            "TMPDIR": str(folder / "logs"),
            **others.environ,
        }
        db = await Database.open(url=postgres.web_url, max_size=2)
        place = Place(folder, postgres, redis, broker, mail, settings, await _stocked(db), port)
        place.superuser_url, place.around = f"{postgres.superuser_url}", others
        await _fill(place, db)
        for number in range(web):
            place.programs.append(Program(f"web{number}", WEB, environ, folder / f"logs/web{number}.log", listener))
        for number in range(2):
            place.programs.append(Program(f"worker{number}", WORKER, environ, folder / f"logs/worker{number}.log"))
            place.programs.append(Program(f"relay{number}", RELAY, environ, folder / f"logs/relay{number}.log"))
        for program in place.programs:
            program.start()
        keeper = asyncio.create_task(place.keep_alive())
        try:
            await place.ready()
            yield place
        finally:
            keeper.cancel()
            for program in place.programs:
                program.end()
            await db.close()


async def _stocked(db: Database) -> Market:
    market = await Market.open(db, room=1_000_000)
    async with db.transaction() as conn:
        await Area.objects.using(conn).create(zone_id=market.zone_id, city_key="beijing")
    return market


async def _fill(place: Place, db: Database) -> None:
    for _ in range(SKUS):
        place.skus.append(await place.market.sku(STOCK))
    async with db.transaction() as conn:
        params = {"id": place.market.product_id}
        await conn.execute("INSERT INTO product_slugs (slug, lang, product_id) VALUES ('apple', 'en', %(id)s)", params)
        await conn.execute('UPDATE products SET slugs = \'{"en": "apple"}\' WHERE id = %(id)s', params)
    for number in range(PEOPLE):
        await customer(db, person(number))
