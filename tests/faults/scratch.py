"""A whole shop for a few minutes: servers, bank, web processes, workers and relays, all of its own and gone afterwards."""

from __future__ import annotations

import base64
import os
import secrets
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, Protocol

import psycopg2

from shop.children import wait_gone
from shop.db.migrations import migrate
from shop.embedded import DATABASE, Postgres
from shop.settings import DEVELOPMENT_MARK
from tests.faults.bugs import BUGS
from tests.faults.journal import Journal
from tests.faults.program import Program, await_ready
from tests.faults.servers import Server, small_disk
from tests.servers import scratch_folder
from tests.tasks.crew import MailServer

SHOP_MAIL: Final = "orders@shop.example"
WEB: Final = [sys.executable, "-m", "tests.faults.web"]
BANK: Final = [sys.executable, "run.py", "bank", "--serve-on", "3"]
WORKER: Final = [
    sys.executable,
    *"-m celery --quiet -A tasks.app worker --pool=solo --without-gossip --without-mingle".split(),
]
RELAY: Final = [sys.executable, "-m", "tasks.relay", "--beat"]
# Megabytes of the disks that a cell may fill.
DISKS: Final = {"pg": 400, "logs": 16, "media": 16}


class Surroundings(Protocol):
    """What stands around a shop, and the settings by which the shop reaches it."""

    environ: dict[str, str]


Around = Callable[[Path, Postgres], AbstractContextManager[Surroundings]]


def alone(*_given: object) -> AbstractContextManager[Surroundings]:
    """Nothing stands around it."""
    return nullcontext(SimpleNamespace(environ={}))


class Scratch:
    """Its servers, and the processes that are opened on them; `mails` holds what was sent, `journal` what shoppers were told.

    `door` is what web processes share.
    """

    def __init__(self, folder: Path, *, durable: bool) -> None:
        self.folder = folder
        self.postgres = Postgres(folder / "pg", durable=durable)
        self.redis, self.broker = Server(folder / "redis"), Server(folder / "broker")
        self.mails = MailServer()
        self.journal = Journal()
        self.door = listener()
        self.host = f"127.0.0.1:{self.door.getsockname()[1]}"
        self.url = f"http://{self.host}"
        self.programs: list[Program] = []
        self.bank: Program | None = None
        self.superuser_url = ""
        self.around: Any = None
        self.environ: dict[str, str] = {}

    @property
    def bank_url(self) -> str:
        """Where the bank is; "" when there is none."""
        return self.environ.get("SHOP_PAYMENT_SANDBOX_URL", "")

    def of(self, kind: str) -> list[Program]:
        """The processes of a kind: web, worker, relay, mortal."""
        return [program for program in self.programs if program.name.startswith(kind)]

    def logs(self) -> str:
        """What all of them have written."""
        return "".join(path.read_text(errors="replace") for path in sorted(self.folder.glob("logs/*.log")))

    def start(self, around: Around, stack: ExitStack) -> None:
        """Start the servers and bring the database to its newest schema."""
        self.postgres.start()
        self.superuser_url = self.postgres.superuser_url.replace("@/postgres?", f"@/{DATABASE}?")
        self.redis.start()
        self.broker.start()
        self.mails.open()
        migrate(self.postgres.owner_url)
        self.around = stack.enter_context(around(self.folder, self.postgres))
        self.environ = {**self._environ(), **self.around.environ}

    def dismiss(self) -> None:
        """End all processes, so that others may be opened on the same servers."""
        for program in [*self.programs, *([self.bank] if self.bank else [])]:
            program.end()
        self.programs.clear()
        self.bank = None

    def plant(self, bug: str) -> None:
        """Take a guard out of the database."""
        connection = psycopg2.connect(self.postgres.owner_url)
        with connection, connection.cursor() as cursor:
            cursor.execute(BUGS[bug].statement)
        connection.close()

    def open(
        self, *each: tuple[str, ...], name: str = "web", shares: bool = True, starts: bool = True
    ) -> list[Program]:
        """A web process with each of these options, all at once; who shares no door cuts nobody off by dying."""
        shared = (self.door,) if shares else ()
        return [
            self._begin(f"{name}{number}", [*WEB, *options], listener(), *shared, starts=starts)
            for number, options in enumerate(each)
        ]

    def open_bank(self) -> None:
        """Start the sandbox bank; it is none of our processes, but whoever starts later knows where it is."""
        door = listener()
        self.environ["SHOP_PAYMENT_SANDBOX_URL"] = f"http://127.0.0.1:{door.getsockname()[1]}"
        self.bank = Program("bank", BANK, self.environ, self.folder / "logs/bank.log", (door,))
        self.bank.start()

    def begin_tasks(self, count: int = 1) -> None:
        """Start so many workers, and as many relays that are beats too."""
        for number in range(count):
            self._begin(f"worker{number}", WORKER)
            self._begin(f"relay{number}", RELAY)

    def await_ready(self) -> None:
        """Wait until every web process serves; raises TimeoutError or ChildProcessError with what they said."""
        try:
            await_ready(program for program in self.programs if program.listeners)
        except (TimeoutError, ChildProcessError) as problem:
            raise type(problem)(f"{problem}: {self.logs()[-3000:]}") from None

    def superuser(self) -> psycopg2.extensions.connection:
        """A connection that may do everything."""
        connection = psycopg2.connect(self.superuser_url)
        connection.autocommit = True
        return connection

    def say(self, sql: str, params: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """Run a statement with every right; its rows, if it has any."""
        connection = self.superuser()
        with connection.cursor() as cursor:
            cursor.execute(sql, params)
            rows = cursor.fetchall() if cursor.description else []
        connection.close()
        return rows

    def signal_postgres(self, sign: signal.Signals) -> None:
        """The whole server at once; its head first, or that would replace its children."""
        pids = [self.postgres.pid or 0, *self._backends()]
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, sign)
        if sign == signal.SIGKILL and self.postgres._process:
            self.postgres._process.wait()
            for pid in pids:
                wait_gone(pid, 10)

    def stop(self) -> None:
        """End every process of ours."""
        self.dismiss()
        self.door.close()
        self.mails.goes_on.set()
        self.mails.shut()
        self.redis.kill()
        self.broker.kill()
        self.postgres.stop()

    def _begin(self, name: str, command: list[str], *listeners: socket.socket, starts: bool = True) -> Program:
        program = Program(name, command, self.environ, self.folder / f"logs/{name}.log", listeners)
        self.programs.append(program)
        if starts:
            program.start()
        return program

    def _backends(self) -> list[int]:
        """The process ids of PostgreSQL's children."""
        found = []
        for path in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):
                if path.read_text().rpartition(")")[2].split()[1] == str(self.postgres.pid):
                    found.append(int(path.parent.name))
        return found

    def _environ(self) -> dict[str, str]:
        inherited = ("PATH", "HOME", "PYTHONPYCACHEPREFIX", "PYTHONDONTWRITEBYTECODE")
        return {
            **{name: os.environ[name] for name in inherited if name in os.environ},
            "TMPDIR": str(self.folder / "logs"),
            DEVELOPMENT_MARK: "1",  # the bank and the tasks that pay back through it; web processes know better
            "SHOP_URL": self.url,
            "SHOP_TRUSTED_PROXIES": "127.0.0.0/8",
            "SHOP_DATABASE_URL": self.postgres.web_url,
            "SHOP_DATABASE_OWNER_URL": self.postgres.owner_url,
            "SHOP_REDIS_URL": f"unix://{self.redis.socket}?db=0",
            "SHOP_CACHE_URL": f"unix://{self.redis.socket}?db=1",
            "SHOP_BROKER_URL": f"redis+socket://{self.broker.socket}?virtual_host=0",
            "SHOP_MAIL_URL": self.mails.url,
            "SHOP_MAIL_SENDER": "Daily Fresh <shop@shop.example>",
            "SHOP_ORDER_MAILS": SHOP_MAIL,
            "SHOP_MEDIA_URL": f"file://{self.folder}/media",
            "SHOP_OPEN_ORDERS": "100000",
            "SHOP_PAYMENT_METHODS": "sandbox,cash",
            "SHOP_SECRET_KEYS": base64.b64encode(secrets.token_bytes(32)).decode(),
            "SHOP_STATE": str(self.folder),
        }


def listener() -> socket.socket:
    """A listening socket on a port that was free."""
    return socket.create_server(("127.0.0.1", 0), backlog=1024)


@contextmanager
def scratch_shop(around: Around = alone, *, breakable: bool = False) -> Iterator[Scratch]:
    """A shop whose servers run; `breakable` ones keep what they committed and have small disks. It is gone afterwards in any case."""
    with scratch_folder() as folder, ExitStack() as stack:
        for name, megabytes in DISKS.items():
            if breakable:
                stack.enter_context(small_disk(folder / name, megabytes))
            else:
                (folder / name).mkdir()
        shop = Scratch(folder, durable=breakable)
        try:
            shop.start(around, stack)
            yield shop
        finally:
            shop.stop()
