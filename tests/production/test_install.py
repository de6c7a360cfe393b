"""`run.py install`: one answer file, any number of hosts, everything shown before, nothing done twice."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import BusyLoadingError
from redis.exceptions import ConnectionError as RedisConnectionError

from shop.embedded import valkey_server
from shop.operations.environment import read_environment
from shop.settings import HOME, Settings
from tests.servers import scratch_folder

ANSWERS = """
[settings]
url = "https://shop.example"
name = 'Daily "Fresh" $5 · 天天生鲜'
database_url = "postgresql://shop_web:web-password@db.example/shop"
database_owner_url = "postgresql://shop_owner:owner-password@db.example/shop"
mail_url = "smtp://user:mail-password@mail.example:587"
mail_sender = "Daily Fresh <shop@shop.example>"

[host]
processes = 3
"""


def install(folder: Path, *more: str, answers: str = ANSWERS) -> subprocess.CompletedProcess[str]:
    file = folder / "answers.toml"
    file.write_text(answers)
    return subprocess.run(
        [sys.executable, "run.py", "install", "--answers", str(file), *more],
        cwd=HOME,
        capture_output=True,
        text=True,
        timeout=60,
    )


def everything(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Mode, time and content of each file."""
    return {
        str(path.relative_to(folder)): (path.stat().st_mode, path.stat().st_mtime_ns, path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "opt" not in path.parts
    }


def test_a_dry_run_shows_everything_and_changes_nothing_and_a_second_run_neither(tmp_path: Path) -> None:
    root = tmp_path / "root"
    told = install(tmp_path, "--prefix", str(root), "--dry-run")
    assert told.returncode == 0, told.stderr
    assert not root.exists()
    shown = told.stdout
    for words in (
        f"would write  {root}/etc/systemd/system/shop-web@.service (0644)",
        f"    ExecStart={root}/opt/bayberry/current/.venv/bin/python {root}/opt/bayberry/current/run.py serve --number %i",
        f"would write  {root}/etc/bayberry/environment (0600)",
        "    SHOP_DATABASE_URL=[masked]",
        "    maxmemory-policy noeviction",
        f"        server unix:{root}/run/bayberry/web-3.sock max_fails=0;",
    ):
        assert words in shown
    assert "password@" not in shown

    assert install(tmp_path, "--prefix", str(root)).returncode == 0
    first = everything(root)
    again = install(tmp_path, "--prefix", str(root))
    assert {line.split()[0] for line in again.stdout.splitlines()} == {"unchanged"}
    assert everything(root) == first


def test_what_is_secret_is_for_root_only_and_the_owner_of_the_database_in_no_web_process(tmp_path: Path) -> None:
    root = tmp_path / "root"
    install(tmp_path, "--prefix", str(root))
    secret = [path for path in root.rglob("*") if path.is_file() and b"-password@" in path.read_bytes()]
    assert sorted(path.name for path in secret) == ["environment", "owner"]
    keys = (root / "etc/bayberry/secrets", root / "etc/bayberry/tls/shop.example.key")
    assert {stat.S_IMODE(path.stat().st_mode) for path in (*secret, *keys)} == {0o600}
    environ = read_environment(root / "etc/bayberry/environment")
    assert "SHOP_DATABASE_OWNER_URL" not in environ
    settings = Settings.load(environ | {"SHOP_NAME": "quoted for systemd"}, development=False)
    assert settings.is_secure
    assert (root / "etc/bayberry/environment").read_text().count(r'SHOP_NAME="Daily \"Fresh\" \$5 · 天天生鲜"') == 1


def test_secrets_are_made_once_and_the_same_on_every_host(tmp_path: Path) -> None:
    secrets = tmp_path / "secrets"
    for host in ("one", "two"):
        told = install(tmp_path, "--prefix", str(tmp_path / host), "--secrets", str(secrets), "--roles", "web,worker")
        assert told.returncode == 0, told.stderr
    made = {host: read_environment(tmp_path / host / "etc/bayberry/environment") for host in ("one", "two")}
    assert made["one"]["SHOP_SECRET_KEYS"] == made["two"]["SHOP_SECRET_KEYS"]
    assert made["one"]["SHOP_SECRET_KEYS"] in secrets.read_text()
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o600
    other = install(tmp_path, "--prefix", str(tmp_path / "three"))
    assert other.returncode == 0
    assert made["one"]["SHOP_SECRET_KEYS"] not in (tmp_path / "three/etc/bayberry/environment").read_text()


def test_each_role_brings_its_own_files(tmp_path: Path) -> None:
    install(tmp_path, "--prefix", str(tmp_path / "root"), "--roles", "worker,relay")
    units = sorted(path.name for path in (tmp_path / "root/etc/systemd/system").iterdir())
    assert [unit for unit in units if unit.endswith("service")] == [
        "shop-archive.service", "shop-backup.service", "shop-migrate.service", "shop-relay.service", "shop-worker.service",
    ]  # fmt: skip
    assert not (tmp_path / "root/etc/nginx/sites-available").exists()


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ('url = "https://shop.example"', "settings.url is missing."),
        ("processes = 3", "host.procesess: Extra inputs are not permitted."),
        ('mail_sender = "Daily Fresh <shop@shop.example>"', "SHOP_MAIL_SENDER is malformed: has to be an address, "),
    ],
)
def test_an_answer_that_is_missing_or_wrong_is_one_sentence(tmp_path: Path, wrong: str, sentence: str) -> None:
    other = {"processes = 3": "procesess = 3", 'mail_sender = "Daily Fresh <shop@shop.example>"': 'mail_sender = "me"'}
    told = install(tmp_path, "--prefix", str(tmp_path / "root"), answers=ANSWERS.replace(wrong, other.get(wrong, "")))
    assert told.returncode == 1
    assert sentence in told.stderr
    assert told.stderr.count("\n") == 1
    assert not (tmp_path / "root").exists()


def test_r7_the_broker_never_evicts_and_is_saved_the_cache_evicts_only_what_ends() -> None:
    """The two files as a real server reads them."""
    with scratch_folder() as folder:
        install(folder, "--prefix", str(folder / "r"))
        said = {}
        for part in ("broker", "cache"):
            socket = folder / f"r/run/redis-bayberry-{part}/redis.sock"
            socket.parent.mkdir(parents=True)
            (folder / "r/var/lib/redis").mkdir(parents=True, exist_ok=True)
            server = subprocess.Popen(
                [valkey_server(), str(folder / f"r/etc/redis/redis-bayberry-{part}.conf")], stdout=subprocess.DEVNULL
            )
            try:
                redis = Redis(unix_socket_path=str(socket))
                said[part] = _configuration(redis, server)
                redis.close()
            finally:
                server.terminate()
                server.wait(20)
            assert stat.S_ISSOCK(os.stat(socket).st_mode) if socket.exists() else True
    assert said == {
        "broker": {"maxmemory-policy": "noeviction", "appendonly": "yes", "port": "0", "unixsocketperm": "770"},
        "cache": {"maxmemory-policy": "volatile-lru", "appendonly": "no", "port": "0", "unixsocketperm": "770"},
    }


def _configuration(redis: Redis, server: subprocess.Popen[bytes]) -> dict[str, str]:
    while True:
        assert server.poll() is None
        try:
            return dict(redis.config_get("maxmemory-policy", "appendonly", "port", "unixsocketperm"))
        except (RedisConnectionError, BusyLoadingError):
            continue
