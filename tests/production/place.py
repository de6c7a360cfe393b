"""A real shop on scratch servers: its environment, and a process of it that somebody like systemd starts."""

from __future__ import annotations

import asyncio
import base64
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from shop.settings import HOME, Settings

HOST = "shop.example"
# From the start of a process until it says READY, where the packages of the yardstick are imported in so many seconds.
START_SECONDS, PACKAGES_SECONDS = 2.0, 0.4
YARDSTICK = "import aiohttp, redis.asyncio, sqlalchemy.dialects.postgresql, time; print(time.process_time())"
TICKS = os.sysconf("SC_CLK_TCK")


def environment(settings: Settings, folder: Path, url: str = f"https://{HOST}") -> dict[str, str]:
    """The environment of a real shop that uses the scratch servers."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("SHOP_")}
    return {
        **plain,
        "SHOP_URL": url,
        "SHOP_DATABASE_URL": settings.database_url,
        "SHOP_REDIS_URL": settings.redis_url,
        "SHOP_CACHE_URL": settings.cache_url,
        "SHOP_BROKER_URL": settings.broker_url,
        "SHOP_MAIL_URL": "smtp://localhost:2525",
        "SHOP_MAIL_SENDER": "Daily Fresh <shop@shop.example>",
        "SHOP_MEDIA_URL": f"file://{folder}/media",
        "SHOP_SECRET_KEYS": ",".join(base64.b64encode(key).decode() for key in settings.secret_keys),
    }


class Manager:
    """As much of systemd as a unit needs: a notify socket, and sockets that stay open while their process restarts."""

    def __init__(self, folder: Path) -> None:
        self._notes = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        (folder / "notify.sock").unlink(missing_ok=True)
        self._notes.bind(str(folder / "notify.sock"))
        self._notes.settimeout(0.05)
        self.environ = {"NOTIFY_SOCKET": str(folder / "notify.sock"), "WATCHDOG_USEC": "600000"}
        self.heard: list[str] = []

    def wait_for(self, state: str, seconds: float = 120.0) -> float:
        """Seconds until the process says this."""
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            if self._hears() == state:
                return time.monotonic() - began
        raise AssertionError(f"{state} was not said: {self.heard}")

    def is_silent(self, seconds: float) -> bool:
        """Whether nothing is said for so long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self._hears():
                return False
        return True

    def forget(self) -> None:
        """Take everything off the line that was said before."""
        while self._hears():
            pass

    def close(self) -> None:
        self._notes.close()

    def _hears(self) -> str:
        try:
            said = self._notes.recv(1000).decode()
        except TimeoutError:
            return ""
        self.heard.append(said)
        return said


@contextmanager
def manager(folder: Path) -> Iterator[Manager]:
    """A manager for one test."""
    watching = Manager(folder)
    try:
        yield watching
    finally:
        watching.close()


def start(
    command: list[str],
    environ: Mapping[str, str],
    listener: socket.socket | None = None,
    file: IO[bytes] | None = None,
) -> subprocess.Popen[bytes]:
    """Start a command; with `listener` as systemd does it for a socket unit: descriptor 3, named in the environment."""
    if listener is None:
        return subprocess.Popen(command, cwd=HOME, env=dict(environ), stderr=file)
    wrapper = "import os,sys; os.dup2(int(sys.argv[1]), 3); os.environ['LISTEN_PID']=str(os.getpid()); os.execv(sys.argv[2], sys.argv[2:])"
    return subprocess.Popen(
        [sys.executable, "-c", wrapper, str(listener.fileno()), *command],
        cwd=HOME,
        env={**environ, "LISTEN_FDS": "1"},
        stderr=file,
        pass_fds=(listener.fileno(),) if listener.fileno() != 3 else (3,),
    )


def started_cheaply(process: subprocess.Popen[bytes], name: str, seconds: float) -> bool:
    """Whether a process that says it is ready has used little CPU so far; prints the seconds on the wall too.

    Those tell how busy the machine is, and so does CPU where work shares a core; the limit stretches with what imports cost right now.
    """
    used = cpu_seconds(process.pid)
    told = subprocess.run([sys.executable, "-c", YARDSTICK], capture_output=True, text=True, check=True, timeout=60)
    limit = START_SECONDS * max(1.0, float(told.stdout) / PACKAGES_SECONDS)
    print(f"{name}: ready after {seconds:.1f} s, {used:.2f} s of CPU of {limit:.2f} it may use")
    return used <= limit


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def ended(process: subprocess.Popen[bytes], seconds: float = 20.0) -> int:
    """The status of a process that was told to stop; killed, and a failure, if it does not."""
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise


def dismiss(*processes: subprocess.Popen[bytes]) -> None:
    """End what a test started."""
    for process in processes:
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.kill()
        process.wait()


def asked(path: Path, target: str = "/healthz", *, host: str = HOST, headers: str = "") -> bytes:
    """The whole answer to a GET on a unix socket by a connection of its own."""
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(20)
        line.connect(str(path))
        line.sendall(f"GET {target} HTTP/1.1\r\nHost: {host}\r\n{headers}Connection: close\r\n\r\n".encode())
        parts = []
        while part := line.recv(65536):
            parts.append(part)
    return b"".join(parts)


async def until(happened: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait until something has happened; fails after `seconds`."""
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it did not happen"
        await asyncio.sleep(0.02)
