"""One process of a real shop and its manager: ready, watched, told to stop, started again on the same socket."""

from __future__ import annotations

import asyncio
import base64
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from shop.app import application
from shop.db import Database
from shop.facts import fact
from shop.keys import SETTINGS
from shop.settings import HOME, Settings, SettingsError
from shop.start_checks import WrongDatabase, agree_on_keys, fingerprint
from tests.production.host import host
from tests.production.place import asked, dismiss, ended, environment, manager, start, started_cheaply
from tests.servers import scratch_folder


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short path for sockets."""
    with scratch_folder() as folder:
        yield folder


@pytest.fixture
def real(settings: Settings, folder: Path, clean: None) -> dict[str, str]:
    return environment(settings, folder)


def test_y2_y3_the_life_of_a_web_process(settings: Settings, folder: Path, clean: None) -> None:
    """As its unit starts it: ready, alive, hung, killed, started again on the same socket, told to stop."""
    with host(folder / "h", settings, roles="web") as place, manager(folder) as watching:
        path, authority = place.places.run / "web-1.sock", place.answers.authority
        hung = place.start("shop-web@.service", "1", **watching.environ)
        watching.wait_for("READY=1")
        watching.wait_for("WATCHDOG=1")
        assert asked(path, host=authority).startswith(b"HTTP/1.1 200 OK")

        hung.send_signal(signal.SIGSTOP)
        watching.forget()
        assert watching.is_silent(0.7)

        hung.kill()
        hung.wait()
        kept, unused = line_to(path), line_to(path)
        kept.sendall(f"GET /healthz HTTP/1.1\r\nHost: {authority}\r\n\r\n".encode())
        began = time.monotonic()
        process = place.start("shop-web@.service", "1", **watching.environ)
        watching.wait_for("READY=1")
        assert started_cheaply(process, "web", time.monotonic() - began)
        assert kept.recv(4000).startswith(b"HTTP/1.1 200 OK")  # who came meanwhile was not refused

        process.send_signal(signal.SIGTERM)
        watching.wait_for("STOPPING=1")
        assert asked(path, "/readyz", host=authority).startswith(b"HTTP/1.1 503 ")
        kept.sendall(f"GET /zh HTTP/1.1\r\nHost: {authority}\r\n\r\n".encode())
        answer = b"".join(iter(lambda: kept.recv(65536), b""))
        assert answer.startswith(b"HTTP/1.1 200 OK")
        assert b"\r\nConnection: close\r\n" in answer
        unused.close()
        told = time.monotonic()
        assert ended(process) == 0
        assert time.monotonic() - told < 15
        kept.close()


async def test_a_host_with_another_key_ring_does_not_start(real: dict[str, str], db: Database, folder: Path) -> None:
    old, new, other = os.urandom(32), os.urandom(32), os.urandom(32)
    async with db.transaction() as conn:
        await agree_on_keys(conn, [old])
        await agree_on_keys(conn, [new, old])
        await agree_on_keys(conn, [new])
        with pytest.raises(WrongDatabase, match="copy the secrets of a host that runs"):
            await agree_on_keys(conn, [other])
        assert await fact(conn, "key_ring") == {"fingerprints": [fingerprint(new)]}

    strange = {**real, "SHOP_SECRET_KEYS": base64.b64encode(other).decode(), "SHOP_SOCKET": str(folder / "web.sock")}
    for command in ("serve", "worker"):
        told = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "run.py", command],
            cwd=HOME,
            env=strange,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert told.returncode == 1
        assert told.stderr.startswith("SHOP_SECRET_KEYS holds no key that the other processes of this shop know (")


async def test_the_factory_for_other_servers_reads_the_settings(
    real: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shop.app.logs.configure", lambda **_: None)
    with pytest.raises(SettingsError):
        await application()
    for name, value in real.items():
        monkeypatch.setenv(name, value)
    runner = await application()
    assert runner.app[SETTINGS].url == real["SHOP_URL"]
    assert not runner.app[SETTINGS].development


@pytest.mark.slow
def test_gunicorn_serves_the_same_application(real: dict[str, str], folder: Path) -> None:
    """The import alone does nothing: without settings it succeeds, and only the factory asks for them."""
    nothing = {name: value for name, value in real.items() if not name.startswith("SHOP_")}
    assert subprocess.run([sys.executable, "-c", "import shop.app"], cwd=HOME, env=nothing, timeout=60).returncode == 0
    path = folder / "gunicorn.sock"
    command = [sys.executable, "-m", "gunicorn", "shop.app:application", "-k", "aiohttp.GunicornUVLoopWebWorker"]
    process = start([*command, "-b", f"unix:{path}", "--no-control-socket", "--graceful-timeout", "15"], real)
    try:
        end = time.monotonic() + 40
        while not path.exists() or not _serves(path):
            assert process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.1)
        assert b'lang="zh' in asked(path, "/zh")
        assert asked(path, host="localhost").startswith(b"HTTP/1.1 400 ")
        process.send_signal(signal.SIGTERM)
        assert ended(process) == 0
    finally:
        dismiss(process)


def line_to(path: Path) -> socket.socket:
    line = socket.socket(socket.AF_UNIX)
    line.settimeout(30)
    line.connect(str(path))
    return line


def _serves(path: Path) -> bool:
    try:
        return asked(path).startswith(b"HTTP/1.1 200 OK")
    except OSError:
        return False
