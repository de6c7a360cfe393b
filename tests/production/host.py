"""A host as `run.py install` makes it, below a scratch folder: its units started by hand, its nginx started for real."""

from __future__ import annotations

import asyncio
import os
import random
import shlex
import shutil
import signal
import socket
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import aiohttp
import aiohttp.abc
import pytest
from prometheus_client.parser import text_string_to_metric_families

from shop.commands.install import install
from shop.operations.answers import ROLES, Answers
from shop.operations.environment import read_environment
from shop.operations.places import Places
from shop.settings import Settings
from tests.production.place import dismiss, start

# BAYBERRY_NGINX names another than the machine's, as that of the other Debian.
NGINX = os.environ.get("BAYBERRY_NGINX") or shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/sbin")
needs_nginx = pytest.mark.skipif(NGINX is None, reason="nginx is not installed (on Debian: apt install nginx-light)")

MAIN = """\
{user}daemon off;
worker_processes 1;
worker_rlimit_nofile 32768;
error_log {logs}/error.log warn;
pid {logs}/nginx.pid;
events {{ worker_connections 16000; }}
http {{
    include {types};
    default_type application/octet-stream;
    access_log off;
    client_body_temp_path {logs}/body;
    proxy_temp_path {logs}/proxy;
    fastcgi_temp_path {logs}/fastcgi;
    scgi_temp_path {logs}/scgi;
    uwsgi_temp_path {logs}/uwsgi;
    include {nginx}/sites-enabled/*;
}}
"""
TYPES = """\
types {
    text/html html; text/css css; text/javascript js mjs; image/svg+xml svg; image/webp webp; application/json json;
}
"""


@dataclass
class Host:
    """Everything of one host."""

    places: Places
    answers: Answers
    listeners: dict[str, socket.socket] = field(default_factory=dict)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def environ(self) -> dict[str, str]:
        """What systemd gives to a unit."""
        plain = {name: value for name, value in os.environ.items() if not name.startswith("SHOP_")}
        return {**plain, **read_environment(self.places.environment)}

    def command(self, unit: str, instance: str = "") -> list[str]:
        """ExecStart= as it is written."""
        return shlex.split(self.values(unit, "ExecStart")[0].replace("%i", instance))

    def values(self, unit: str, name: str) -> list[str]:
        lines = (self.places.units / unit).read_text().splitlines()
        return [line.partition("=")[2] for line in lines if line.startswith(f"{name}=")]

    def start(
        self, unit: str, instance: str = "", file: IO[bytes] | None = None, **more: str
    ) -> subprocess.Popen[bytes]:
        """Start a unit as systemd does, with its socket if it has one."""
        listener = self.listener(instance) if unit == "shop-web@.service" else None
        name = unit.replace("@", f"@{instance}")
        self.processes[name] = start(self.command(unit, instance), {**self.environ, **more}, listener, file)
        return self.processes[name]

    def listener(self, instance: str) -> socket.socket:
        """The socket of a web process, which stays open while the process starts again."""
        if instance not in self.listeners:
            path = self.values("shop-web@.socket", "ListenStream")[0].replace("%i", instance)
            opened = self.listeners[instance] = socket.socket(socket.AF_UNIX)
            opened.bind(path)
            opened.listen(4096)
        return self.listeners[instance]

    def close(self) -> None:
        dismiss(*self.processes.values())
        for listener in self.listeners.values():
            listener.close()


@contextmanager
def host(folder: Path, settings: Settings, *, roles: str = "", **answers: str | int) -> Iterator[Host]:
    """An installed host that uses the scratch servers, on free ports."""
    https, http, metrics = own_ports()
    given = Answers.model_validate(
        {
            "settings": {
                "url": f"https://shop.example:{https}",
                "database_url": settings.database_url,
                "redis_url": settings.redis_url,
                "cache_url": settings.cache_url,
                "broker_url": settings.broker_url,
                "mail_url": "smtp://localhost:2525",
                "mail_sender": "Daily Fresh <shop@shop.example>",
                "database_owner_url": settings.database_owner_url,
            },
            "host": {
                "processes": 2,
                "metrics": f"127.0.0.1:{metrics}",
                "http": f"127.0.0.1:{http}",
                "https": f"127.0.0.1:{https}",
                **answers,
            },
        }
    )
    made = Host(Places(folder), given)
    list(install(made.places, given, frozenset((roles or ",".join(ROLES)).split(",")), secrets=None, dry=False))
    try:
        yield made
    finally:
        made.close()


def own_ports() -> tuple[int, int, int]:
    """For TLS, for plain HTTP and the first of those for metrics; below the ports that the system gives to others."""
    while True:
        first = random.randrange(10_000, 30_000, 100)
        if all(_is_free(first + number) for number in (0, 1, 11, 12, 60, 70, 80)):
            return first, first + 1, first + 10


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@contextmanager
def nginx(host: Host) -> Iterator[subprocess.Popen[bytes]]:
    """A real nginx with the site of this host."""
    assert NGINX
    main = main_file(host)
    process = subprocess.Popen([NGINX, "-c", str(main), "-p", str(host.places.prefix)], stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 20
        while not _listens(host.answers.host.https):
            assert process.poll() is None, subprocess.run(
                [NGINX, "-t", "-c", main], capture_output=True, text=True
            ).stderr
            assert time.monotonic() < end
            time.sleep(0.02)
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def main_file(host: Host) -> Path:
    """The nginx.conf around the site: as Debian's, with folders of our own."""
    places = host.places
    (places.logs / "mime.types").write_text(TYPES)
    main = places.logs / "nginx.conf"
    user = "user root;\n" if os.geteuid() == 0 else ""
    main.write_text(MAIN.format(user=user, logs=places.logs, types=places.logs / "mime.types", nginx=places.nginx))
    return main


def counted(place: Host, number: int) -> dict[str, set[str]]:
    """What a process counts, with the names of the labels."""
    name, _, port = place.answers.host.metrics.rpartition(":")
    with urllib.request.urlopen(f"http://{name}:{int(port) + number}/metrics", timeout=20) as said:
        families = list(text_string_to_metric_families(said.read().decode()))
    return {sample.name: set(sample.labels) for family in families for sample in family.samples}


Answer = Callable[["Request"], bytes | None]


@dataclass(frozen=True)
class Request:
    """What arrived at the shop's side."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


def answer(text: str = "hello", *headers: str, status: str = "200 OK") -> bytes:
    """An answer as bytes."""
    lines = "".join(f"{line}\r\n" for line in headers)
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(text)}\r\n{lines}\r\n{text}".encode()


class Upstream:
    """Stands where a web process of the shop would, notes what it is asked, and answers as a test wants; None hangs up."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.requests: list[Request] = []
        self.answered = 0
        self.answer: Answer = lambda _: answer()
        self.goes_on = asyncio.Event()
        self.goes_on.set()
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def open(self) -> None:
        self._server = await asyncio.start_unix_server(self._serve, str(self.path))

    async def close(self) -> None:
        assert self._server
        self._server.close()
        for writer in list(self._writers):
            writer.close()
        self.path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                request = await _read(reader)
                self.requests.append(request)
                await self.goes_on.wait()
                said = self.answer(request)
                if said is None:
                    break
                writer.write(said)
                await writer.drain()
                self.answered += 1
        writer.close()
        self._writers.discard(writer)


async def _read(reader: asyncio.StreamReader) -> Request:
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().rstrip().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    method, target, _ = first.split(" ")
    return Request(method, target, headers, await reader.readexactly(int(headers.get("content-length", "0"))))


def tls() -> ssl.SSLContext:
    """A visitor who trusts the placeholder certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Here(aiohttp.abc.AbstractResolver):
    """Every name is this machine."""

    async def resolve(self, host: str, port: int = 0, family: Any = socket.AF_INET) -> list[aiohttp.abc.ResolveResult]:
        return [{"hostname": host, "host": "127.0.0.1", "port": port, "family": family, "proto": 0, "flags": 0}]

    async def close(self) -> None:
        """There is nothing to close."""


def browser(host: Host, **options: Any) -> aiohttp.ClientSession:
    """A visitor who comes through nginx; without a cookie jar unless asked for one."""
    connector = aiohttp.TCPConnector(ssl=tls(), resolver=Here(), limit=0)
    options.setdefault("cookie_jar", aiohttp.DummyCookieJar())
    return aiohttp.ClientSession(host.answers.url, connector=connector, **options)


async def raw(host: Host, data: bytes, *, server_name: str = "shop.example", seconds: float = 20) -> bytes:
    """Everything that comes back for these bytes, until nginx closes."""
    port = int(host.answers.host.https.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls(), server_hostname=server_name)
    writer.write(data)
    try:
        async with asyncio.timeout(seconds):
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


def _listens(address: str) -> bool:
    name, _, port = address.rpartition(":")
    with socket.socket() as probe:
        return probe.connect_ex((name, int(port))) == 0
