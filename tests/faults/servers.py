"""Servers that may be killed, silenced, filled up and started again."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from shop.placement import valkey_server


class NotHere(Exception):
    """This fault cannot be made on this machine; the text says why."""


class Server:
    """A Valkey on its own file."""

    def __init__(self, home: Path) -> None:
        home.mkdir(parents=True)
        self.home = home
        self.socket = home / "v.sock"
        options = {"appendonly": "yes", "save": "", "port": "0", "maxmemory-policy": "noeviction"}
        given = [part for name, value in options.items() for part in (f"--{name}", value)]
        self._command = [str(valkey_server()), "--unixsocket", str(self.socket), "--dir", str(home), *given]
        self.redis = Redis(unix_socket_path=str(self.socket), socket_timeout=5)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it has read its file."""
        with (self.home / "log").open("ab") as log:
            self.process = subprocess.Popen(self._command, stdout=log, stderr=log)
        end = time.monotonic() + 30
        while time.monotonic() < end:
            with suppress(RedisError):
                self.redis.ping()
                return
            time.sleep(0.02)
        raise TimeoutError("Valkey did not start")

    def say(self, *words: str) -> Any:
        """A command that the client has no method for."""
        return self.redis.execute_command(*words)  # type: ignore[no-untyped-call]

    def signal(self, sign: signal.Signals) -> None:
        """Send it to the server."""
        assert self.process is not None
        self.process.send_signal(sign)

    def kill(self) -> None:
        """`kill -9`."""
        if self.process:
            self.process.kill()
            self.process.wait()
        self.redis.close()


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
        raise NotHere("only root can give it a disk of its own")
    path = folder / "filler"
    with suppress(OSError), path.open("wb", buffering=0) as file:
        while file.write(bytes(1 << 16)):
            pass
    return path
