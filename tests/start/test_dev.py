"""A newcomer types `make run`, looks, stops, pulls the plug and starts again."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg2
import pytest
from redis import Redis

from shop.commands.local import Local
from shop.commands.supervisor import Supervisor
from shop.embedded import Postgres, Valkey
from shop.settings import HOME
from tests.servers import scratch_folder
from tests.start.launcher import free_port, gone, launched


@pytest.fixture(scope="module")
def place() -> Iterator[tuple[Path, int]]:
    """A state folder that remembers a demo (painting one takes a while), and a port."""
    with scratch_folder() as folder:
        state = folder / "var"
        state.mkdir()
        (state / "demo-accounts").write_text("ann, password known")
        yield state, free_port()


def test_t1_it_greets_listens_here_alone_survives_a_kill_and_leaves_nothing_behind(place: tuple[Path, int]) -> None:
    state, port = place
    bank_port = free_port()
    bank = f"http://127.0.0.1:{bank_port}"
    with launched(state, port, SHOP_PAYMENT_SANDBOX_URL=bank) as first:
        first.wait_until_greeted()
        assert f"The shop      http://localhost:{port}/\n" in first.said
        assert "Accounts      ann, password known\n" in first.said
        assert f"Mail room     http://localhost:{port}/dev/mail\n" in first.said
        assert first.get("/readyz") == 200
        assert _ledger_of(bank) == []
        # A scan of all that was started: the shop and its bank, and nothing that another machine could reach.
        found = first.listeners()
        assert {taken for _, taken in found} == {port, bank_port}
        assert {host for host, _ in found} <= {"127.0.0.1", "::1"}
        with launched(state, free_port()) as other:
            assert other.wait_for_end() == 1
        assert other.said == f"The shop already runs on {state}; stop it first, or set SHOP_STATE.\n"
        _write(state)
        family = first.children()
        redis_server = Path(os.environ.get("BAYBERRY_REDIS", "valkey-server")).name
        for program in ("postgres", redis_server, "--serve-on"):
            assert any(program in command for command in family.values()), program
        first.process.kill()
        first.wait_for_end()

    with launched(state, port) as second:
        second.wait_until_greeted()
        assert gone(family, 0.1)
        assert second.get("/readyz") == 200
        assert _read(state) == (1, b"kept")
        family = second.children()
        second.process.send_signal(signal.SIGINT)
        assert second.wait_for_end() == 0
        assert "Stopped." in second.said
        assert gone(family, 0.1)


def _ledger_of(bank: str) -> object:
    """What the sandbox bank answers once it is there; it starts after the greeting."""
    for _ in range(300):
        with suppress(OSError), urllib.request.urlopen(f"{bank}/ledger", timeout=5) as answer:
            return json.load(answer)
        time.sleep(0.1)
    return "no answer"


FORKING = """
import argparse, os, signal
from shop.commands import dev
forks = iter((True,))
os.register_at_fork(after_in_parent=lambda: next(forks, False) and os.kill(os.getpid(), signal.SIGINT))
raise SystemExit(dev.main(argparse.Namespace(serve_on=None)))
"""


@pytest.mark.slow
def test_ctrl_c_in_the_middle_of_a_fork_is_not_lost(place: tuple[Path, int]) -> None:
    state, _ = place
    environ = {**os.environ, "SHOP_STATE": str(state), "SHOP_PORT": str(free_port())}
    told = subprocess.run(
        [sys.executable, "-c", FORKING], cwd=HOME, env=environ, capture_output=True, text=True, check=False, timeout=120
    )
    assert "KeyboardInterrupt" in told.stderr  # Python only reports it, and goes on
    assert told.stdout.endswith("Stopped. Goods, people and mails are kept; `make clean` forgets them.\n")
    assert told.returncode == 0


def test_a_taken_port_gets_one_sentence(place: tuple[Path, int], tmp_path: Path) -> None:
    state, _ = place
    port = free_port()
    with socket.socket() as neighbour:
        neighbour.bind(("127.0.0.1", port))
        neighbour.listen()
        with launched(state, port) as refused:
            assert refused.wait_for_end() == 1
    assert refused.said == (
        f"Port {port} of 127.0.0.1 cannot be had (Address already in use); choose another with SHOP_PORT.\n"
    )


def test_an_unknown_setting_stops_the_start_before_anything_is_started(tmp_path: Path) -> None:
    with launched(tmp_path / "var", free_port(), SHOP_PROT="8000") as refused:
        assert refused.wait_for_end() == 1
    assert refused.said == "SHOP_PROT is not a setting of this shop; config/environment.example lists them all.\n"
    assert not (tmp_path / "var").exists()


def test_ones_own_database_needs_its_owner_too(tmp_path: Path) -> None:
    with launched(tmp_path / "var", free_port(), SHOP_DATABASE_URL="postgresql:///mine") as refused:
        assert refused.wait_for_end() == 1
    assert refused.said == "SHOP_DATABASE_OWNER_URL is missing; with SHOP_DATABASE_URL of yours, migrations need it.\n"


@pytest.mark.slow
def test_a_new_migration_is_applied_before_the_shop_starts_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    supervisor = Supervisor(Local({"SHOP_STATE": str(tmp_path)}), [], [])
    done: list[str] = []
    monkeypatch.setattr(supervisor, "stop", lambda: done.append("stop"))
    monkeypatch.setattr(supervisor, "start", lambda: done.append("start"))
    monkeypatch.setattr(subprocess, "run", lambda command, **_: done.append(command[-1]))
    supervisor.start_again(["shop/catalog/views.py"])
    supervisor.start_again(["shop/catalog/models.py", "shop/db/migrations/versions/9999_more.py"])
    assert done == ["stop", "start", "stop", "migrate", "start"]


def test_a_first_start_fills_the_demo_and_the_second_takes_five_seconds() -> None:
    with scratch_folder() as folder:
        state, port = folder / "var", free_port()
        with launched(state, port) as first:
            setting_up = first.wait_until_greeted()
            assert "Accounts      mei and tom, password" in first.said
            assert first.get("/") == 200
        with launched(state, port) as second:
            # On a machine that is busy elsewhere both take longer.
            assert second.wait_until_greeted() < max(5, setting_up / 2)
            assert second.get("/zh") == 200


def _write(state: Path) -> None:
    connection = psycopg2.connect(Postgres(state).owner_url)
    with connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE kept (id integer)")
        cursor.execute("INSERT INTO kept VALUES (1)")
    connection.close()
    with Redis.from_url(Valkey(state).url) as redis:
        redis.config_set("appendfsync", "always")  # what was answered is in the file
        redis.set("kept", "kept")


def _read(state: Path) -> tuple[int, bytes]:
    connection = psycopg2.connect(Postgres(state).owner_url)
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT id FROM kept")
        (found,) = cursor.fetchone()
        cursor.execute("DROP TABLE kept")
    connection.close()
    with Redis.from_url(Valkey(state).url) as redis:
        return found, redis.get("kept")
