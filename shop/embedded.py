"""PostgreSQL and Valkey from Python packages, run as children on unix sockets: for development and tests.

Importing this module needs nothing but the standard library.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Final, Self
from urllib.parse import quote

from shop.children import command_of, run_as, start_child, stop_child, wait_gone, wait_until
from shop.placement import EmbeddedError, give, open_place, place, programs, socket_folder, unprivileged, valkey_server

SUPERUSER: Final = "postgres"
OWNER: Final = "shop_owner"
WEB: Final = "shop_web"
DATABASE: Final = "shop"

DURABLE: Final = {"shared_buffers": "64MB", "shared_preload_libraries": "pg_stat_statements"}
SCRATCH: Final = {**DURABLE, "fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}

BUILTIN: Final = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8")
FIRST_BUILTIN: Final = 17


class AlreadyRunning(EmbeddedError):
    """Another launcher holds this state folder."""


def lock(state: Path) -> IO[str]:
    """Hold the state folder for the life of the launcher: a second Valkey on the same file would corrupt it silently.

    Raises AlreadyRunning. Children must not inherit the file, or they would keep the lock when the launcher is killed.
    """
    state.mkdir(parents=True, exist_ok=True)
    held = (state / ".lock").open("w")
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        held.close()
        raise AlreadyRunning(f"The shop already runs on {state}; stop it first, or set SHOP_STATE.") from None
    return held


class Postgres:
    """One PostgreSQL server below `state`, with the roles owner and web and the database of the shop."""

    def __init__(self, state: Path, *, durable: bool = True) -> None:
        self._account = unprivileged()
        self.home = place(state.resolve(), self._account)
        self.binaries = programs(self._account) / "bin"
        self.data = self.home / "postgres"
        self.socket_folder = socket_folder(self.home / "run", self._account)
        self._options = DURABLE if durable else SCRATCH
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def superuser_url(self) -> str:
        """Where the roles are made; nothing of the shop ever uses it."""
        return self._address(SUPERUSER, "postgres")

    @property
    def owner_url(self) -> str:
        """Where migrations run."""
        return self._address(OWNER, DATABASE)

    @property
    def web_url(self) -> str:
        """Where the shop and its workers run."""
        return self._address(WEB, DATABASE)

    @property
    def pid(self) -> int | None:
        """The server's process id while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self, timeout: float = 30) -> Self:
        """Start the server and wait until it answers (seconds); raises EmbeddedError with the end of its log."""
        from shop.db.migrations.roles import create_roles

        if not (self.data / "PG_VERSION").exists():
            self._initialise()
        self._stop_orphan()
        self._launch(timeout)
        create_roles(self.superuser_url, owner=OWNER, web=WEB, database=DATABASE)
        return self

    def stop(self) -> None:
        """Shut down fast: clients are cut off, everything committed is on disk."""
        if self._process:
            stop_child(self._process, signal.SIGINT, signal.SIGQUIT)  # SIGTERM would wait for clients

    def _address(self, user: str, database: str) -> str:
        return f"postgresql://{user}@/{database}?host={quote(str(self.socket_folder), safe='')}"

    def _initialise(self) -> None:
        new = self.home / "postgres.new"  # a killed initdb leaves a broken folder that has PG_VERSION: hence the rename
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(mode=0o700, parents=True)
        give(new, self._account)
        # surprise: with LC_CTYPE=C pg_trgm drops every Chinese character, so the locale is C.UTF-8 twice
        locale = ("--locale=C.UTF-8", *(BUILTIN if self._version() >= FIRST_BUILTIN else ()))
        options = ("-U", SUPERUSER, "-A", "trust", "-E", "UTF8", "--no-instructions", "--no-sync")
        result = run_as(self._account, [str(self.binaries / "initdb"), "-D", str(new), *options, *locale])
        if result.returncode:
            raise EmbeddedError(f"PostgreSQL cannot make its data folder: {result.stderr.strip()[-500:]}")
        new.rename(self.data)

    def _version(self) -> int:
        told = run_as(None, [str(self.binaries / "postgres"), "--version"]).stdout
        return int(told.split()[2].partition(".")[0])

    def _launch(self, timeout: float) -> None:
        log = self.home / "postgres.log"
        settings = {"listen_addresses": "", "unix_socket_permissions": "0700", "timezone": "UTC", **self._options}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        command = [str(self.binaries / "postgres"), "-D", str(self.data), "-k", str(self.socket_folder), *options]
        self._process = start_child(command, log=log, dies_by=signal.SIGINT, account=self._account)
        _await("PostgreSQL", self._is_ready, self._process, log, timeout)

    def _is_ready(self) -> bool:
        lines = self._pid_file()
        return len(lines) >= 8 and lines[0] == str(self.pid) and lines[7].strip() == "ready"

    def _pid_file(self) -> list[str]:
        with suppress(OSError):
            return (self.data / "postmaster.pid").read_text().splitlines()
        return []

    def _stop_orphan(self) -> None:
        """End a server whose launcher was killed; forget a process id that is somebody else's or a zombie's."""
        lines = self._pid_file()
        if not lines or not lines[0].isdigit():
            return
        pid = int(lines[0])
        for sign in (signal.SIGINT, signal.SIGQUIT):
            if str(self.data) in command_of(pid):
                with suppress(ProcessLookupError):
                    os.kill(pid, sign)
                wait_gone(pid, 10)
        (self.data / "postmaster.pid").unlink(missing_ok=True)


class Valkey:
    """One Valkey server below `state`: database 0 for sessions and history, 1 for the cache, 2 for the broker."""

    def __init__(self, state: Path) -> None:
        self.home = state.resolve() / "valkey"
        self.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.socket = socket_folder(self.home, None) / "valkey.sock"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Sessions and history."""
        return f"unix://{self.socket}?db=0"

    @property
    def cache_url(self) -> str:
        """What may be evicted."""
        return f"unix://{self.socket}?db=1"

    @property
    def broker_url(self) -> str:
        """Celery's broker, in kombu's spelling."""
        return f"redis+socket://{self.socket}?virtual_host=2"

    @property
    def pid(self) -> int | None:
        """The server's process id while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self, timeout: float = 15) -> Self:
        """Start the server and wait until it has read its file (seconds); raises EmbeddedError."""
        self._stop_orphan()
        log = self.home / "valkey.log"
        options = {
            "--port": "0", "--unixsocket": str(self.socket), "--unixsocketperm": "700", "--dir": str(self.home),
            "--appendonly": "yes", "--appendfsync": "everysec", "--save": "", "--maxmemory": "256mb",
            "--maxmemory-policy": "noeviction",
        }  # fmt: skip
        command = [str(valkey_server()), *(part for option in options.items() for part in option)]
        self._process = start_child(command, log=log)
        _await("Valkey", lambda: self._say(b"PING\r\n").startswith(b"+PONG"), self._process, log, timeout)
        return self

    def stop(self) -> None:
        """Write everything out and end."""
        if self._process:
            stop_child(self._process, signal.SIGTERM)

    def _say(self, line: bytes) -> bytes:
        with suppress(OSError), socket.socket(socket.AF_UNIX) as peer:
            peer.settimeout(1)
            peer.connect(str(self.socket))
            peer.sendall(line)
            return peer.recv(64)  # "-LOADING" while it reads its file
        return b""

    def _stop_orphan(self) -> None:
        end = time.monotonic() + 10
        while time.monotonic() < end and self._say(b"PING\r\n"):
            self._say(b"SHUTDOWN SAVE\r\n")
            time.sleep(0.05)


def forget(state: Path) -> None:
    """Delete the data of both servers; raises AlreadyRunning."""
    with lock(state):
        shutil.rmtree(open_place(state.resolve()), ignore_errors=True)
        shutil.rmtree(state)


def _await(name: str, ready: Callable[[], bool], child: subprocess.Popen[bytes], log: Path, timeout: float) -> None:
    try:
        wait_until(ready, child, timeout)
    except (TimeoutError, ChildProcessError) as problem:
        stop_child(child, signal.SIGQUIT)
        raise EmbeddedError(f"{name} did not start ({problem}): {log.read_text(errors='replace')[-1500:]}") from None
