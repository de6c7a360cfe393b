"""`run.py dev` as a person starts it, in a state folder and on a port of its own."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from ipaddress import ip_address
from pathlib import Path

from shop.children import command_of
from shop.settings import HOME

# The state of a socket that waits for connections, in /proc/net/tcp.
LISTEN = "0A"


def free_port() -> int:
    """A port that nobody uses just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Launcher:
    """One run of the launcher."""

    def __init__(self, state: Path, port: int, **environ: str) -> None:
        plain = {name: value for name, value in os.environ.items() if not name.startswith("SHOP_")}
        self.environ = {**plain, "SHOP_STATE": str(state), "SHOP_PORT": str(port), **environ}
        self.port = port
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "run.py", "dev"],
            cwd=HOME,
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.said = ""

    def wait_until_greeted(self) -> float:
        """Seconds until the mail room's address, the last line of the greeting, was printed."""
        assert self.process.stdout
        for line in self.process.stdout:
            self.said += line
            if "Mail room" in line:
                return time.monotonic() - self.began
        raise AssertionError(f"ended without a greeting: {self.said}")

    def wait_for_end(self) -> int:
        """The exit status, with all that was said."""
        self.said += self.process.communicate(timeout=30)[0]
        return self.process.returncode

    def get(self, path: str) -> int:
        """The status of a page."""
        connection = http.client.HTTPConnection("localhost", self.port, timeout=10)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        finally:
            connection.close()

    def children(self) -> dict[int, str]:
        """Every process below the launcher, with its command."""
        found: dict[int, str] = {}
        waiting = [self.process.pid]
        while waiting:
            for task in Path(f"/proc/{waiting.pop()}/task").glob("*/children"):
                for pid in map(int, task.read_text().split()):
                    found[pid] = command_of(pid)
                    waiting.append(pid)
        return found

    def listeners(self) -> set[tuple[str, int]]:
        """Every (address, port) at which the launcher or a process below it takes TCP connections."""
        held = {inode for pid in (self.process.pid, *self.children()) for inode in _sockets_of(pid)}
        tables = [Path(f"/proc/{self.process.pid}/net/{name}") for name in ("tcp", "tcp6")]
        rows = [line.split() for table in tables if table.exists() for line in table.read_text().splitlines()[1:]]
        return {_address(row[1]) for row in rows if row[3] == LISTEN and row[9] in held}


def _sockets_of(pid: int) -> set[str]:
    """The inodes of the sockets a process holds; none of one that has ended meanwhile."""
    found = set()
    with suppress(OSError):
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                name = os.readlink(link)
                found |= {name[8:-1]} if name.startswith("socket:[") else set()
    return found


def _address(told: str) -> tuple[str, int]:
    """An address as the kernel writes it: each four bytes the other way round, in hexadecimal digits."""
    raw, port = told.split(":")
    words = [bytes.fromhex(raw[n : n + 8])[::-1] for n in range(0, len(raw), 8)]
    return str(ip_address(b"".join(words))), int(port, 16)


@contextmanager
def launched(state: Path, port: int, **environ: str) -> Iterator[Launcher]:
    """A launcher that is stopped in any case."""
    launcher = Launcher(state, port, **environ)
    try:
        yield launcher
    finally:
        if launcher.process.poll() is None:
            launcher.process.send_signal(signal.SIGINT)
            launcher.wait_for_end()


def gone(pids: dict[int, str], seconds: float = 10) -> bool:
    """Whether all these processes end within the time."""
    end = time.monotonic() + seconds
    while any(command_of(pid) == command for pid, command in pids.items()):
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True
