"""The write-ahead log, streamed from the server as it is written and sealed every few seconds: at most a minute is ever lost.

pg_receivewal holds a replication slot, so that the server keeps what we have not got yet, and writes into the spool. The
unfinished segment is sealed too, each time it has changed: a quiet shop loses no more than a busy one.
"""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from shop.children import start_child, stop_child
from shop.operations.backup_settings import BackupSettings
from shop.operations.base_backup import WAL
from shop.operations.depot import Depot
from shop.operations.postgres_programs import ProgramFailed, newest_client
from shop.operations.sealed_files import sealed

SLOT: Final = "bayberry_backup"
EVERY_SECONDS: Final = 10.0
HEARTBEAT: Final = "heartbeat.json"
PARTIAL: Final = ".partial"
SEGMENT: Final = 24
SPARE: Final = 2  # finished segments that stay in the spool, for pg_receivewal looks there where to go on


class WalArchive:
    """Receives, seals and ships; `stop` ends it after one last round."""

    def __init__(self, settings: BackupSettings, depot: Depot, every: float = EVERY_SECONDS) -> None:
        self._settings, self._depot, self._every = settings, depot, every
        self._spool = settings.spool
        self._seen: dict[str, str] = {}
        self._shipped = {name.removeprefix(WAL) for name in depot.names(WAL)}
        self._stopping = threading.Event()
        self._receiver: subprocess.Popen[bytes] | None = None

    def stop(self) -> None:
        self._stopping.set()

    def receive(self) -> None:
        """Begin to receive; call it from the main thread. Raises ProgramFailed when the server cannot be listened to."""
        self._spool.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._make_slot()
        self._keep_receiving()

    def run(self) -> None:
        """Ship what is received until told to stop."""
        while not self._stopping.wait(self._every):
            self._keep_receiving()
            self.ship()

    def end(self) -> None:
        """Receive no more, and ship what is left."""
        if self._receiver:
            stop_child(self._receiver, signal.SIGINT)
        self.ship()

    def _command(self, *options: str) -> list[str]:
        program = str(newest_client() / "pg_receivewal")
        return [program, "-d", self._settings.database_url, "-S", SLOT, *options]

    def _make_slot(self) -> None:
        made = subprocess.run(  # noqa: S603 - our own program and settings
            self._command("--create-slot", "--if-not-exists"), capture_output=True, text=True, check=False, timeout=60
        )
        if made.returncode:
            raise ProgramFailed(f"pg_receivewal cannot make its slot: {made.stderr.strip()[-300:]}")

    def _keep_receiving(self) -> None:
        """Start the receiver again when it has ended; it waits for an absent server by itself."""
        if self._receiver is None or self._receiver.poll() is not None:
            command = self._command("-D", str(self._spool), "--no-password", "--status-interval=5")
            self._receiver = start_child(command, log=self._spool / "pg_receivewal.log", dies_by=signal.SIGINT)

    def ship(self) -> None:
        """Seal what is new in the spool, and say that we live."""
        finished = sorted(path for path in self._spool.iterdir() if _is_finished(path))
        for path in finished:
            if path.name not in self._shipped:
                self._put(path, path.name)
                self._shipped.add(path.name)
                self._depot.delete(f"{WAL}{path.name}{PARTIAL}")
        for path in sorted(self._spool.glob(f"*{PARTIAL}")):
            self._ship_partial(path)
        for path in [path for path in finished if len(path.name) == SEGMENT][:-SPARE]:
            path.unlink()
        said = {"at": datetime.now(UTC).isoformat()}
        self._depot.put(HEARTBEAT, [json.dumps(said).encode()])

    def _ship_partial(self, path: Path) -> None:
        try:
            content = path.read_bytes()
        except FileNotFoundError:  # finished a moment ago
            return
        print_now = hashlib.sha256(content).hexdigest()
        if self._seen.get(path.name) != print_now:
            name = WAL + path.name
            self._depot.put(name, sealed([content], self._settings.key, name))
            self._seen = {path.name: print_now}

    def _put(self, path: Path, name: str) -> None:
        self._depot.put(WAL + name, sealed(_content(path), self._settings.key, WAL + name))


def _is_finished(path: Path) -> bool:
    name = path.name
    return path.suffix == ".history" or (len(name) == SEGMENT and set(name) <= set("0123456789ABCDEF"))


def _content(path: Path) -> Iterator[bytes]:
    yield path.read_bytes()
