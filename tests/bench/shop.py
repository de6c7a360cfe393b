"""A demo shop on scratch servers, served as in production and pinned to one core, with what measures it."""

from __future__ import annotations

import base64
import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from http.cookiejar import CookieJar
from pathlib import Path

import psycopg2

from shop.db.migrations import migrate
from shop.embedded import Postgres, Valkey
from tests.servers import scratch_folder

ROOT = Path(__file__).parent.parent.parent
TICKS = os.sysconf("SC_CLK_TCK")
BARE = """
import sys, asyncio, uvloop
from aiohttp import web
body = sys.stdin.buffer.read()
async def handler(request):
    return web.Response(body=body, content_type="text/html", charset="utf-8")
app = web.Application()
app.router.add_get("/", handler)
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None, loop=uvloop.new_event_loop())
"""


TURNS = """
local paths, turn = {%s}, 0
request = function() turn = turn %% #paths + 1; return wrk.format("GET", paths[turn]) end
"""


@dataclass(frozen=True, slots=True)
class Measured:
    """One round of load: requests a second, the server's CPU in µs a request, latencies in ms."""

    rate: float
    cpu: float
    p50: float
    p99: float


@dataclass(frozen=True, slots=True)
class Served:
    """A server process on a port of loopback."""

    process: subprocess.Popen[bytes]
    port: int

    def url(self, path: str = "/") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def measured(
        self, path: str, *, seconds: int, headers: Mapping[str, str], connections: int = 64, paths: Sequence[str] = ()
    ) -> Measured:
        """What `wrk` saw, and the CPU that the process used for it; `paths` are asked for in turn instead of one."""
        asked = [item for name, value in headers.items() for item in ("-H", f"{name}: {value}")]
        if paths:
            script = Path(tempfile.gettempdir(), f"bayberry-bench-{os.getpid()}.lua")
            script.write_text(TURNS % ", ".join(f'"{each}"' for each in paths))
            asked += ["-s", str(script)]
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", *asked, self.url(path)]
        before = cpu_seconds(self.process.pid)
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        used = cpu_seconds(self.process.pid) - before
        if "Non-2xx" in told or "Socket errors" in told:
            raise RuntimeError(told)
        count = int(re.search(r"(\d+) requests in", told)[1])  # type: ignore[index]
        rate = float(re.search(r"Requests/sec:\s+([\d.]+)", told)[1])  # type: ignore[index]
        return Measured(rate, used / count * 1e6, milliseconds(told, "50%"), milliseconds(told, "99%"))


@contextlib.contextmanager
def demo_shop(products: int = 0) -> Iterator[dict[str, str]]:
    """The environment of a production shop that holds the demo (and `products` more)."""
    with scratch_folder() as folder:
        postgres, valkey = Postgres(folder, durable=False).start(), Valkey(folder).start()
        try:
            migrate(postgres.owner_url)
            place = {
                "SHOP_DATABASE_URL": postgres.web_url,
                "SHOP_DATABASE_OWNER_URL": postgres.owner_url,
                "SHOP_REDIS_URL": valkey.url,
                "SHOP_CACHE_URL": valkey.cache_url,
                "SHOP_BROKER_URL": valkey.broker_url,
                "SHOP_MEDIA_URL": f"file://{folder}/media",
                "SHOP_SECRET_KEYS": base64.b64encode(os.urandom(32)).decode(),
            }
            more = ["--products", str(products)] if products else []
            run_py("demo", *more, place=place)
            make_real(postgres.owner_url)
            yield place | {"SHOP_MAIL_URL": "smtp://127.0.0.1:1", "SHOP_MAIL_SENDER": "Shop <shop@shop.example>"}
        finally:
            valkey.stop()
            postgres.stop()


class Shops(contextlib.ExitStack):
    """The shops that measurements need, each made when it is first asked for and shared by all."""

    LARGE = 100_000

    @cached_property
    def small(self) -> dict[str, str]:
        """The demo."""
        return self.enter_context(demo_shop())

    @cached_property
    def large(self) -> dict[str, str]:
        """The demo with 100,000 products more."""
        return self.enter_context(demo_shop(self.LARGE))


@contextlib.contextmanager
def served(place: Mapping[str, str], core: int = 0) -> Iterator[Served]:
    """`run.py serve` on a free port, pinned to a core."""
    port = free_port()
    ours = {**os.environ, **place, "SHOP_PORT": str(port), "SHOP_URL": f"http://127.0.0.1:{port}"}
    process = subprocess.Popen(pinned(core, sys.executable, "run.py", "serve"), cwd=ROOT, env=ours)
    yield from _until_stopped(Served(process, port), "/healthz")


@contextlib.contextmanager
def bare(body: bytes, core: int = 0) -> Iterator[Served]:
    """The unit of comparison: an aiohttp handler on uvloop that returns these bytes."""
    port = free_port()
    process = subprocess.Popen(pinned(core, sys.executable, "-c", BARE, str(port)), stdin=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(body)
    process.stdin.close()
    yield from _until_stopped(Served(process, port), "/")


def signed_in_cookie(server: Served, login: str = "tom", password: str = "fresh-every-day") -> str:
    """The Cookie header of a demo customer."""
    jar = CookieJar()
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    form = urllib.parse.urlencode({"login": login, "password": password}).encode()
    opener.open(server.url("/login"), form).read()
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in jar)


def body_of(server: Served, path: str, headers: Mapping[str, str]) -> bytes:
    """What a page sends."""
    with urllib.request.urlopen(urllib.request.Request(server.url(path), headers=dict(headers))) as answer:
        body: bytes = answer.read()
        return body


def posted(server: Served, path: str, form: str, headers: Mapping[str, str]) -> bytes:
    """What the page after a form sends."""
    request = urllib.request.Request(server.url(path), form.encode(), dict(headers))
    with urllib.request.urlopen(request) as answer:
        body: bytes = answer.read()
        return body


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def milliseconds(told: str, percentile: str) -> float:
    value, unit = re.search(rf"{percentile}\s+([\d.]+)(us|ms|s)", told).groups()  # type: ignore[union-attr]
    return float(value) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[unit]


def make_real(owner_url: str) -> None:
    """Takes the demo's mark away, without which nobody may serve it; this one lives a minute, on loopback."""
    with psycopg2.connect(owner_url) as connection, connection.cursor() as cursor:
        cursor.execute("DELETE FROM shop_facts WHERE key = 'demo'")


def run_py(*words: str, place: Mapping[str, str]) -> None:
    subprocess.run(
        [sys.executable, "run.py", *words], cwd=ROOT, env={**os.environ, **place}, check=True, stdout=subprocess.DEVNULL
    )


def pinned(core: int, *command: str) -> list[str]:
    return ["taskset", "-c", str(core), *command] if os.cpu_count() and os.cpu_count() > 1 else list(command)  # type: ignore[operator]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _until_stopped(server: Served, path: str) -> Iterator[Served]:
    try:
        _wait(server, path)
        yield server
    finally:
        server.process.send_signal(signal.SIGTERM)
        server.process.wait(30)


def _wait(server: Served, path: str) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with contextlib.suppress(OSError), urllib.request.urlopen(server.url(path)):
            return
        time.sleep(0.1)
    raise TimeoutError(f"nothing answers on port {server.port}")
