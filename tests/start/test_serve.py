"""A real shop: whole settings, a unix socket for the proxy, nothing of the demo, and an orderly end."""

from __future__ import annotations

import asyncio
import base64
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from shop.commands import sockets
from shop.db import Database
from shop.settings import DEVELOPMENT_MARK, HOME, Settings
from tests.servers import scratch_folder


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short path for a socket."""
    with scratch_folder() as folder:
        yield folder


@pytest.fixture
def real(settings: Settings, folder: Path, clean: None) -> dict[str, str]:
    """The environment of a real shop on our scratch servers."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("SHOP_")}
    return {
        **plain,
        "SHOP_URL": "https://shop.example",
        "SHOP_SOCKET": str(folder / "web.sock"),
        "SHOP_DATABASE_URL": settings.database_url,
        "SHOP_REDIS_URL": settings.redis_url,
        "SHOP_BROKER_URL": settings.broker_url,
        "SHOP_MAIL_URL": "smtp://localhost:2525",
        "SHOP_MAIL_SENDER": "Daily Fresh <shop@shop.example>",
        "SHOP_MEDIA_URL": f"file://{folder}/media",
        "SHOP_SECRET_KEYS": base64.b64encode(os.urandom(32)).decode(),
        DEVELOPMENT_MARK: "1",  # security: a left-over of development must not open anything
    }


def run(command: str, environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command that should end by itself."""
    return subprocess.run(
        [sys.executable, "run.py", command],
        cwd=HOME,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


async def test_it_serves_on_its_socket_without_anything_of_the_demo_and_ends_when_told(real: dict[str, str]) -> None:
    path = Path(real["SHOP_SOCKET"])
    server = await asyncio.create_subprocess_exec(sys.executable, "run.py", "serve", cwd=HOME, env=real)
    try:
        while not await asyncio.to_thread(_answers, path):
            assert server.returncode is None
            await asyncio.sleep(0.05)
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o660
        async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path))) as visitor:
            assert await _status(visitor, "/healthz", "shop.example") == 200
            assert await _status(visitor, "/dev/mail", "shop.example") == 404
            assert await _status(visitor, "/", "localhost") == 400
    finally:
        server.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(server.wait(), 20) == 0


@pytest.mark.parametrize("command", ["serve", "worker", "relay"])
def test_the_mail_room_cannot_be_asked_for(command: str, real: dict[str, str]) -> None:
    told = run(command, {**real, "SHOP_MAIL_URL": "mailroom:"})
    assert told.returncode == 1
    assert told.stderr == "SHOP_MAIL_URL asks for the mail room, which exists only in development.\n"


async def test_the_demo_is_never_served(real: dict[str, str], db: Database) -> None:
    async with db.transaction() as conn:
        await conn.execute("INSERT INTO shop_facts (key, value) VALUES ('demo', '{}')")

    told = await asyncio.to_thread(run, "serve", real)

    assert told.returncode == 1
    assert told.stderr == (
        "SHOP_DATABASE_URL holds the demo, whose passwords everybody knows; serve a database of your own.\n"
    )


def test_without_its_settings_it_does_not_start() -> None:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("SHOP_")}
    told = run("serve", plain)
    assert told.returncode == 1
    assert told.stderr == "SHOP_URL is missing; a real shop cannot start without it.\n"


def test_a_socket_that_nobody_answers_on_is_replaced_and_a_living_one_is_not(folder: Path) -> None:
    path = folder / "web.sock"
    (first,) = sockets.listen_on_path(path)
    with pytest.raises(
        sockets.Taken, match=r"^Somebody already answers on .*; stop it, or choose another with SHOP_SOCKET\.$"
    ):
        sockets.listen_on_path(path)
    first.close()
    (second,) = sockets.listen_on_path(path)
    assert _answers(path)
    second.close()


def test_localhost_is_reached_by_both_protocols_where_the_machine_has_both() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    opened = sockets.listen("127.0.0.1", port)
    assert opened[0].getsockname() == ("127.0.0.1", port)
    assert all(one.getsockname()[1] == port for one in opened)
    for one in opened:
        one.close()


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


async def _status(visitor: aiohttp.ClientSession, path: str, host: str) -> int:
    async with visitor.get(f"http://shop{path}", headers={"Host": host}, allow_redirects=False) as answer:
        return answer.status
