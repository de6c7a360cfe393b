"""A process of the scratch shop, and as much of systemd as it needs: started again when it ends, killed when it falls silent."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from shop.children import start_child
from shop.settings import HOME

WATCHDOG_SECONDS: Final = 8.0  # as the unit has it
RESTART_SECONDS: Final = 1.0
START_SECONDS: Final = 180.0
LAUNCH: Final = Path(__file__).with_name("launch.py")


@dataclass
class Program:
    """A command with its sockets: the first of them is its own, others it may share."""

    name: str
    command: list[str]
    environ: Mapping[str, str]
    log: Path
    listeners: tuple[socket.socket, ...] = ()
    process: subprocess.Popen[bytes] | None = None
    is_wanted: bool = True
    is_ready: bool = False
    deaths: int = 0
    ended_at: float = 0.0
    heard_at: float = 0.0
    notes: socket.socket | None = None

    @property
    def port(self) -> int:
        """Where this process, and no other, answers."""
        return int(self.listeners[0].getsockname()[1])

    @property
    def pid(self) -> int | None:
        """Its process id while it lives."""
        return self.process.pid if self.process and self.process.poll() is None else None

    def start(self) -> None:
        """Begin anew. Call it from the main thread: the process dies with the thread that started it."""
        self._open_notes()
        extra = {"NOTIFY_SOCKET": str(self._address()), "WATCHDOG_USEC": str(int(WATCHDOG_SECONDS * 1e6))}
        numbers = tuple(listener.fileno() for listener in self.listeners)
        launched = [sys.executable, "-IS", str(LAUNCH), ",".join(map(str, numbers)), *self.command]
        self.process = start_child(
            launched,
            log=self.log,
            dies_by=signal.SIGKILL,
            environment={**self.environ, **extra},
            folder=HOME,
            descriptors=numbers,
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
        """Send it, if the process lives."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(sign)

    def end(self) -> None:
        """Kill it for good."""
        self.is_wanted = False
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGKILL)
        if self.process:
            self.process.wait()
        for opened in (*self.listeners[:1], self.notes):
            if opened:
                opened.close()

    def hears_ready(self) -> bool:
        """Whether it has said that it serves; raises ChildProcessError when it has ended instead."""
        self._hear()
        if not self.is_ready and self.process is not None and self.process.poll() is not None:
            raise ChildProcessError(f"{self.name} ended with status {self.process.returncode}")
        return self.is_ready

    def _address(self) -> Path:
        return self.log.with_name(f"{self.name}.sock")

    def _open_notes(self) -> None:
        if self.notes is None:
            self.notes = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._address().unlink(missing_ok=True)
            self.notes.bind(str(self._address()))
            self.notes.setblocking(False)

    def _hear(self) -> None:
        assert self.notes is not None
        with suppress(BlockingIOError):
            while said := self.notes.recv(1000):
                self.heard_at = time.monotonic()
                self.is_ready |= said == b"READY=1"


def await_ready(programs: Iterable[Program], seconds: float = START_SECONDS) -> None:
    """Wait until each has said that it serves; raises TimeoutError, or ChildProcessError for one that ended."""
    waiting, end = list(programs), time.monotonic() + seconds
    while waiting := [program for program in waiting if not program.hears_ready()]:
        if time.monotonic() > end:
            raise TimeoutError(f"{waiting[0].name} did not start")
        time.sleep(0.02)
