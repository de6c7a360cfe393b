"""The servers from packages: on sockets of their own, for root as for anybody, after any death of their launcher."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest

from shop.children import command_of, wait_gone
from shop.embedded import AlreadyRunning, Postgres, Valkey, forget, lock
from shop.placement import OPEN_PLACE, EmbeddedError, open_place, socket_folder
from shop.settings import HOME
from tests.servers import scratch_folder

HOLD = """
import sys, time
from pathlib import Path
from shop.embedded import Postgres, Valkey, lock
state = Path(sys.argv[1])
held = lock(state)
postgres, valkey = Postgres(state, durable=False).start(), Valkey(state).start()
print(postgres.pid, valkey.pid, flush=True)
time.sleep(60)
"""


@pytest.fixture
def state() -> Iterator[Path]:
    """A folder of its own."""
    with scratch_folder() as folder:
        yield folder


def test_it_listens_on_closed_sockets_only(postgres: Postgres, valkey: Valkey) -> None:
    assert postgres.socket_folder.stat().st_mode & 0o777 == 0o700
    assert valkey.socket.stat().st_mode & 0o777 == 0o700
    assert valkey.socket.parent.stat().st_mode & 0o777 == 0o700
    assert _ask(postgres.web_url, "SHOW listen_addresses") == ""


def test_letters_of_every_language_are_letters_and_time_is_utc(postgres: Postgres) -> None:
    assert _ask(postgres.web_url, "SELECT lower('ÄÖ')") == "äö"
    assert _ask(postgres.web_url, "SELECT '新' ~ '[[:alpha:]]'") is True
    assert _ask(postgres.web_url, "SHOW timezone") == "UTC"


def test_the_web_role_may_not_change_tables(postgres: Postgres) -> None:
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        _ask(postgres.web_url, "CREATE TABLE mine (id integer)")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to step down")
def test_root_keeps_its_home_closed_and_the_data_move_to_an_open_place(tmp_path: Path) -> None:
    home = tmp_path / "root"
    home.mkdir(mode=0o700)
    server = Postgres(home / "clone" / "var", durable=False)
    server.start()
    try:
        assert server.home == open_place((home / "clone" / "var").resolve())
        assert server.home.parent == OPEN_PLACE
        assert server.data.stat().st_uid != 0
        assert home.stat().st_mode & 0o777 == 0o700
    finally:
        server.stop()
        forget(home / "clone" / "var")
    assert not server.home.exists()


def test_a_very_long_path_gets_its_socket_elsewhere(state: Path) -> None:
    long = state / ("x" * 120)
    folder = socket_folder(long, None)
    try:
        assert len(os.fsencode(folder)) < 80
        assert folder.stat().st_mode & 0o777 == 0o700
    finally:
        folder.rmdir()


def test_a_link_somebody_laid_in_the_way_of_the_socket_is_refused(state: Path) -> None:
    (state / "elsewhere").mkdir()
    (state / "run").symlink_to(state / "elsewhere")
    with pytest.raises(EmbeddedError, match="belongs to somebody else"):
        socket_folder(state / "run", None)


def test_the_lock_admits_one_launcher(state: Path) -> None:
    with lock(state), pytest.raises(AlreadyRunning, match=f"already runs on {state}"):
        lock(state)
    lock(state).close()


def test_when_the_launcher_is_killed_both_servers_go_and_the_next_start_is_not_blocked(state: Path) -> None:
    launcher = subprocess.Popen([sys.executable, "-c", HOLD, str(state)], cwd=HOME, stdout=subprocess.PIPE, text=True)
    assert launcher.stdout
    pids = [int(pid) for pid in launcher.stdout.readline().split()]
    launcher.kill()
    launcher.communicate()
    with lock(state):
        server, redis = Postgres(state, durable=False).start(), Valkey(state).start()
        assert not any(wait_gone(pid, 0) is False for pid in pids)
        assert _ask(server.web_url, "SELECT 1") == 1
        redis.stop()
        server.stop()


@pytest.mark.slow
def test_a_server_that_outlived_its_launcher_is_ended_first(state: Path) -> None:
    first = Postgres(state, durable=False).start()
    second = Postgres(state, durable=False)  # as a launcher on a system that does not tell children of our death
    second.start()
    assert first.pid is None
    assert _ask(second.web_url, "SELECT 1") == 1
    second.stop()


@pytest.mark.slow
def test_a_process_id_that_now_belongs_to_another_program_does_not_block_the_start(state: Path) -> None:
    server = Postgres(state, durable=False).start()
    server._process.kill()  # type: ignore[union-attr]
    server._process.wait()  # type: ignore[union-attr]
    stale = (server.data / "postmaster.pid").read_text().split("\n", 1)[1]
    (server.data / "postmaster.pid").write_text(f"{os.getpid()}\n{stale}")
    assert str(server.data) not in command_of(os.getpid())
    time.sleep(0.2)
    again = Postgres(state, durable=False).start()
    assert _ask(again.web_url, "SELECT 1") == 1
    again.stop()


@pytest.mark.slow
def test_a_half_made_data_folder_is_made_anew(state: Path) -> None:
    (state / "postgres.new").mkdir()
    (state / "postgres.new" / "PG_VERSION").write_text("18\n")
    server = Postgres(state, durable=False).start()
    assert _ask(server.web_url, "SELECT 1") == 1
    server.stop()
    assert server._process is not None
    assert server._process.returncode == 0


def test_forgetting_needs_a_stopped_shop(state: Path) -> None:
    folder = state / "var"
    with lock(folder), pytest.raises(AlreadyRunning):
        forget(folder)
    (folder / "something").write_text("x")
    forget(folder)
    assert not folder.exists()


def test_a_valkey_that_ends_at_once_says_why(state: Path) -> None:
    server = Valkey(state)
    (server.home / "appendonlydir").mkdir()
    (server.home / "appendonlydir" / "appendonly.aof.manifest").write_text("nonsense\n")
    with pytest.raises(EmbeddedError, match="Valkey did not start"):
        server.start()


def _ask(url: str, sql: str) -> object:
    connection = psycopg2.connect(url)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(sql)
            row = cursor.fetchone()
            return row[0] if row else None
    finally:
        connection.close()
