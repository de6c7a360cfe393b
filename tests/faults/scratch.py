"""A whole shop for a few minutes: servers, web processes, worker, relay and mail server, all of its own and gone afterwards."""

from __future__ import annotations

import base64
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psycopg2

from shop.children import start_child, stop_child
from shop.db.migrations import migrate
from shop.embedded import Postgres, Valkey
from shop.settings import DEVELOPMENT_MARK, HOME
from tests.faults.bugs import BUGS
from tests.faults.journal import Journal
from tests.servers import scratch_folder
from tests.tasks.crew import MailServer

START_SECONDS: Final = 60.0
SHOP_MAIL: Final = "orders@shop.example"


# Stands in a command for the descriptors of the sockets that the process inherits.
DOORS: Final = "DOORS"


def door_of_its_own() -> socket.socket:
    """A listening socket on a port that was free."""
    return socket.create_server(("127.0.0.1", 0), backlog=1024)


class Process:
    """A web process (or the bank) that answers on a port of its own, and perhaps on a door it shares."""

    def __init__(
        self, program: list[str], environ: dict[str, str], log: Path, *, door: socket.socket | None = None
    ) -> None:
        with door_of_its_own() as own:
            self.port: int = own.getsockname()[1]
            doors = tuple(one.fileno() for one in (own, door) if one is not None)
            listed = ",".join(map(str, doors))
            command = [sys.executable, *(listed if word == DOORS else word for word in program)]
            self.child = start_child(
                command, log=log, dies_by=signal.SIGKILL, environment=environ, folder=HOME, descriptors=doors
            )

    @property
    def is_ready(self) -> bool:
        """Whether it answers; raises ChildProcessError when it has ended instead."""
        if self.child.poll() is not None:
            raise ChildProcessError(f"a web process ended with status {self.child.returncode}")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=2):
                return True
        except urllib.error.HTTPError:  # it does not know this Host, but it answers
            return True
        except (urllib.error.URLError, OSError):
            return False

    def kill(self) -> None:
        """`kill -9`."""
        self.child.kill()
        self.child.wait()


class Scratch:
    """Its servers, and the processes that are opened on them; `mails` holds what was sent, `journal` what shoppers were told."""

    def __init__(self, folder: Path) -> None:
        self.postgres = Postgres(folder, durable=False)
        self.valkey = Valkey(folder)
        self.mails = MailServer()
        self.journal = Journal()
        self._children: list[subprocess.Popen[bytes]] = []
        self._log = folder / "log"
        self._folder = folder
        self._door = door_of_its_own()
        self.host = f"127.0.0.1:{self._door.getsockname()[1]}"
        self.bank = ""
        self.environ: dict[str, str] = {}

    def start(self) -> None:
        """Start the servers and bring the database to its newest schema."""
        self.postgres.start()
        self.valkey.start()
        self.mails.open()
        migrate(self.postgres.owner_url)
        self.environ = {
            **{
                name: os.environ[name]
                for name in ("PATH", "HOME", "TMPDIR", "PYTHONPYCACHEPREFIX")
                if name in os.environ
            },
            DEVELOPMENT_MARK: "1",
            "SHOP_URL": f"http://{self.host}",
            "SHOP_TRUSTED_PROXIES": "127.0.0.0/8",
            "SHOP_DATABASE_URL": self.postgres.web_url,
            "SHOP_DATABASE_OWNER_URL": self.postgres.owner_url,
            "SHOP_REDIS_URL": self.valkey.url,
            "SHOP_CACHE_URL": self.valkey.cache_url,
            "SHOP_BROKER_URL": self.valkey.broker_url,
            "SHOP_MAIL_URL": self.mails.url,
            "SHOP_ORDER_MAILS": SHOP_MAIL,
            "SHOP_SECRET_KEYS": base64.b64encode(secrets.token_bytes(32)).decode(),
            "SHOP_STATE": str(self._folder),
        }

    def plant(self, bug: str) -> None:
        """Take a guard out of the database."""
        connection = psycopg2.connect(self.postgres.owner_url)
        with connection, connection.cursor() as cursor:
            cursor.execute(BUGS[bug].statement)
        connection.close()

    def open(self, *each: tuple[str, ...]) -> list[Process]:
        """Start a web process with each of these options, all at once, and wait until they answer."""
        opened = [self._web(*options) for options in each]
        self._await(opened)
        return opened

    def _await(self, opened: list[Process]) -> None:
        self._children += [process.child for process in opened]
        end = time.monotonic() + START_SECONDS
        while not all(process.is_ready for process in opened):
            if time.monotonic() > end:
                raise TimeoutError(self.said())
            time.sleep(0.05)

    def _web(self, *options: str) -> Process:
        """What is going to die shares no door: nobody else shall be cut off by it."""
        door = None if "--die-at" in options else self._door
        return Process(["-m", "tests.faults.web", DOORS, *options], self.environ, self._log, door=door)

    def open_bank(self) -> None:
        """Start the sandbox bank; web processes and tasks that start later know where it is."""
        bank = Process(["run.py", "bank", "--serve-on", DOORS], self.environ, self._log)
        self.bank = f"http://127.0.0.1:{bank.port}"
        self.environ["SHOP_PAYMENT_SANDBOX_URL"] = self.bank
        self._await([bank])

    def begin_tasks(self) -> None:
        """Start the worker, and the relay that is the beat too."""
        worker = (
            "celery",
            "--quiet",
            "-A",
            "tasks.app",
            "worker",
            "--without-gossip",
            "--without-mingle",
            "-P",
            "solo",
        )
        for program in (worker, ("tasks.relay", "--beat")):
            command = [sys.executable, "-m", *program]
            self._children.append(
                start_child(command, log=self._log, dies_by=signal.SIGKILL, environment=self.environ, folder=HOME)
            )

    def said(self) -> str:
        """The end of what the processes wrote."""
        return self._log.read_text(errors="replace")[-3000:] if self._log.exists() else ""

    def stop(self) -> None:
        """End every process of ours."""
        for child in self._children:
            stop_child(child, signal.SIGTERM, patience=3)
        self._door.close()
        self.mails.shut()
        self.valkey.stop()
        self.postgres.stop()


@contextmanager
def scratch_shop() -> Iterator[Scratch]:
    """A shop whose servers run; it is gone afterwards in any case."""
    with scratch_folder() as folder:
        shop = Scratch(folder)
        try:
            shop.start()
            yield shop
        finally:
            shop.stop()
