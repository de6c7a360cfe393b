"""What `make run` keeps alive: the web server, the worker, the relay and the embedded servers, started again on change."""

from __future__ import annotations

import http.client
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from watchfiles import PythonFilter, watch

from shop.children import start_child, stop_child
from shop.commands.local import Local
from shop.commands.programs import RELAY, WORKER, python
from shop.commands.sockets import address_of
from shop.settings import HOME

WATCHED: Final = ("shop", "templates", "static", "tasks")
MIGRATIONS: Final = "shop/db/migrations/versions/"
KINDS: Final = (".html", ".txt", ".css", ".js", ".svg", ".po", ".gz")
LOOK_EVERY: Final = 300  # milliseconds
READY_WITHIN: Final = 60.0  # seconds


class Stop:
    """Ctrl-C, remembered: Python loses the exception of a signal that arrives while it runs its hooks around a fork."""

    def __init__(self) -> None:
        self._asked = False

    def ask(self, _number: int, _frame: object) -> None:
        """Handle SIGINT, SIGTERM or SIGHUP: leave whatever is being waited for."""
        self._asked = True
        raise KeyboardInterrupt

    def is_set(self) -> bool:
        """Whether somebody asked."""
        return self._asked


@dataclass
class Program:
    """A process of ours that is started again when it ends, at most once a second."""

    name: str
    command: list[str]
    environ: Mapping[str, str]
    log: Path | None = None
    descriptors: tuple[int, ...] = ()
    child: subprocess.Popen[bytes] | None = None
    ended_at: float = field(default=0.0)

    def start(self) -> None:
        """Start it; it dies at once when we are killed, so that nothing holds its port or its work."""
        self.child = start_child(
            self.command,
            log=self.log,
            dies_by=signal.SIGKILL,
            environment=self.environ,
            folder=HOME,
            descriptors=self.descriptors,
        )

    def ask_to_stop(self) -> None:
        """Let it end by itself."""
        if self.child and self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)

    def stop(self) -> None:
        """Wait for its end, and make one after some seconds."""
        if self.child:
            stop_child(self.child, signal.SIGTERM, patience=5)

    def revive(self) -> None:
        """Start it again if it ended, and say so."""
        if self.child is None or self.child.poll() is None:
            return
        now = time.monotonic()
        if not self.ended_at:
            where = f"; see {self.log}" if self.log else ""
            print(f"The {self.name} ended with status {self.child.returncode} and is started again{where}.", flush=True)
            self.ended_at = now
        elif now - self.ended_at > 1:
            self.ended_at = 0.0
            self.start()


class Supervisor:
    """All programs of development."""

    def __init__(self, local: Local, sockets: list[socket.socket], bank: list[socket.socket]) -> None:
        environ = local.environ()
        if bank:
            environ |= {"SHOP_PAYMENT_SANDBOX_URL": address_of(bank)}
        numbers = tuple(opened.fileno() for opened in sockets)
        web = [sys.executable, "run.py", "dev", "--serve-on", ",".join(map(str, numbers))]
        worker = python(WORKER, "--pool=threads", "--concurrency=4", "--loglevel=info")
        self._local, self._environ = local, environ
        self._web = Program("web server", web, environ, descriptors=numbers)
        self._programs = [
            self._web,
            Program("worker", worker, environ, log=local.state / "worker.log"),
            Program("relay", python(RELAY, "--beat"), environ, log=local.state / "relay.log"),
        ]
        if bank:
            doors = tuple(opened.fileno() for opened in bank)
            serve = [sys.executable, "run.py", "bank", "--serve-on", ",".join(map(str, doors))]
            log = local.state / "bank.log"
            self._programs.append(Program("sandbox bank", serve, environ, log=log, descriptors=doors))

    def start(self) -> None:
        """Start all programs that do not run, from the main thread."""
        for program in self._programs:
            if program.child is None or program.child.poll() is not None:
                program.start()

    def start_web(self, url: str) -> None:
        """Start the web server by itself, for somebody waits for it, and wait until it answers."""
        self._web.start()
        self._wait_for_web(url)

    def start_again(self, names: Sequence[str]) -> None:
        """Let all programs run with what changed; a new migration is applied while none of them looks."""
        print(f"Changed: {', '.join(names[:3])}{' …' if len(names) > 3 else ''}; starting again.", flush=True)
        self.stop()
        if any(name.startswith(MIGRATIONS) for name in names):
            # One that fails says why by itself; it is just being written.
            subprocess.run([sys.executable, "run.py", "migrate"], cwd=HOME, env=self._environ, check=False)
        self.start()

    def stop(self) -> None:
        """Stop all programs, side by side."""
        for program in self._programs:
            program.ask_to_stop()
        for program in self._programs:
            program.stop()

    def fill_demo(self) -> str:
        """Fill an empty shop with the demo, unless this place remembers that; return the line that names its accounts."""
        remembered = self._local.state / "demo-accounts"
        if self._local.postgres and remembered.exists():
            return remembered.read_text()
        accounts = self._run_demo()
        if accounts:
            remembered.write_text(accounts)
        return accounts or "none: the demo could not be filled in (see above)"

    def _run_demo(self) -> str:
        command = [sys.executable, "run.py", "demo", "--if-empty"]
        told = subprocess.run(command, cwd=HOME, env=self._environ, stdout=subprocess.PIPE, text=True, check=False)  # noqa: S603
        lines = told.stdout.strip().splitlines()
        return lines[-1] if lines and told.returncode == 0 else ""

    def _wait_for_web(self, url: str) -> None:
        """Wait until the shop answers; a web server that cannot start says why by itself."""
        host = url.removeprefix("http://")
        end = time.monotonic() + READY_WITHIN
        while time.monotonic() < end and not _answers(host):
            if self._web.child and self._web.child.poll() is not None:
                return
            time.sleep(0.03)

    def watch(self, stop: Stop) -> None:
        """Restart programs when their files change or they end, until it is told to stop."""
        folders = [HOME / name for name in WATCHED if (HOME / name).exists()]
        kinds = PythonFilter(extra_extensions=KINDS)
        for changes in watch(
            *folders, watch_filter=kinds, rust_timeout=LOOK_EVERY, yield_on_timeout=True, stop_event=stop
        ):
            if changes:
                self.start_again(sorted({str(Path(path).relative_to(HOME)) for _, path in changes}))
            self._local.start()
            for program in self._programs:
                program.revive()


def _answers(host: str) -> bool:
    connection = http.client.HTTPConnection(host, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
