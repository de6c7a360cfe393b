"""The doctor finds each fault that is planted, says what helps, and waits for nobody who is silent."""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from redis import Redis

from shop import outbox
from shop.commands import doctor as command
from shop.db import Database
from shop.embedded import DATABASE, Postgres, Valkey
from shop.operations import check_machine, check_postgres, check_redis
from shop.operations.base_backup import Label
from shop.operations.check_backup import check_backup
from shop.operations.check_payments import check_payments
from shop.operations.depot import FolderDepot
from shop.operations.doctor import examine
from shop.operations.findings import Finding, Level
from shop.operations.wal_archive import HEARTBEAT
from shop.settings import Settings
from shop.start_checks import agree_on_keys
from tasks.app import KEY_PREFIX, QUEUE


@pytest.fixture
def real(settings: Settings, tmp_path: Path) -> Settings:
    """Our servers as a real shop names them."""
    media = tmp_path / "media"
    media.mkdir()
    return settings.model_copy(update={"media_url": f"file://{media}", "state": tmp_path})


def told(found: list[Finding], subject: str) -> list[tuple[Level, str]]:
    return [(finding.level, finding.sentence) for finding in found if finding.subject == subject]


@pytest.fixture
def superuser(postgres: Postgres) -> Iterator[Any]:
    connection = psycopg2.connect(postgres.superuser_url, dbname=DATABASE)
    connection.autocommit = True
    yield connection.cursor()
    connection.close()


async def test_a_sound_shop_has_only_the_fault_of_our_test_server(real: Settings, clean: None) -> None:
    found = await examine(real)
    wrong = [(finding.subject, finding.sentence) for finding in found if finding.level]
    assert wrong == [
        ("PostgreSQL", "a power cut may ruin it; set fsync and full_page_writes to on and restart it."),
        ("PostgreSQL", "a crash may lose confirmed orders; set synchronous_commit to on."),
    ]
    assert {finding.subject for finding in found} >= {"notifications", "Redis as broker", "mail server", "pictures"}


@contextmanager
def silent(folder: Path) -> Iterator[Path]:
    """A peer that accepts and never answers, as PostgreSQL's socket is called."""
    path = folder / ".s.PGSQL.5432"
    with socket.socket(socket.AF_UNIX) as peer:
        peer.bind(str(path))
        peer.listen(64)
        yield path


async def test_dead_and_silent_servers_are_named_within_the_budget(real: Settings, tmp_path: Path) -> None:
    with silent(tmp_path) as path, socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen(8)
        dead = real.model_copy(
            update={
                "database_url": f"postgresql://shop_web@/shop?host={tmp_path}",
                "database_listen_url": f"postgresql://shop_web@/shop?host={tmp_path}",
                "replica_url": "postgresql://shop_web@/shop?host=/nowhere",
                "redis_url": f"unix://{path}?db=0",
                "cache_url": "unix:///nowhere/redis.sock?db=1",
                "broker_url": f"redis+socket://{path}?virtual_host=2",
                "mail_url": f"smtp://127.0.0.1:{mute.getsockname()[1]}",
                "media_url": "file:///nowhere/media",
            }
        )
        began = time.monotonic()
        found = await examine(dead)
        assert time.monotonic() - began < 9.5
    worst = {finding.subject: finding.level for finding in found}
    assert {subject for subject, level in worst.items() if level is Level.ERROR} == {
        "PostgreSQL", "replica", "notifications", "Redis for sessions", "Redis for pages", "Redis as broker",
        "mail server", "pictures",
    }  # fmt: skip
    assert all("; " in finding.sentence for finding in found if finding.level)  # what is wrong; what helps


@pytest.mark.parametrize(
    ("trackers", "level", "words"),
    [
        ("127.0.0.1:1,10.1.2.3", Level.FINE, "trackers are on networks of their own."),
        ("[::1]:1,[fd00::7]:22122", Level.FINE, "trackers are on networks of their own."),
        ("127.0.0.1:1,8.8.8.8", Level.ERROR, "8.8.8.8, which is public, and FastDFS knows no password; move it"),
        ("[2001:4860:4860::8888]", Level.ERROR, "which is public"),
    ],
)
async def test_t1_a_tracker_that_the_internet_could_reach_is_an_error(
    real: Settings, trackers: str, level: Level, words: str
) -> None:
    (found,) = await check_machine.check_media(real.model_copy(update={"media_url": f"fastdfs://{trackers}/group1"}))
    assert (found.subject, found.level) == ("pictures", level)
    assert words in found.sentence


async def test_a_role_that_may_change_tables_and_a_half_built_index_are_found(
    real: Settings, postgres: Postgres, superuser: Any
) -> None:
    superuser.execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'outbox_open'::regclass")
    try:
        found = await check_postgres.check_postgres(real.model_copy(update={"database_url": postgres.owner_url}))
    finally:
        superuser.execute("UPDATE pg_index SET indisvalid = true WHERE indexrelid = 'outbox_open'::regclass")
    sentences = [sentence for _, sentence in told(found, "PostgreSQL")]
    assert "the role shop_owner may change tables; name the web role in SHOP_DATABASE_URL, not the owner." in sentences
    assert any("REINDEX INDEX CONCURRENTLY outbox_open" in sentence for sentence in sentences)


async def test_an_old_schema_a_new_one_and_a_wrong_clock_are_told_apart(
    real: Settings, superuser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    superuser.execute("SELECT version_num FROM alembic_version")
    head = superuser.fetchone()[0]
    try:
        superuser.execute("UPDATE alembic_version SET version_num = '0010'")
        old = told(await check_postgres.check_postgres(real), "schema")
        superuser.execute("UPDATE alembic_version SET version_num = 'of-tomorrow'")
        new = told(await check_postgres.check_postgres(real), "schema")
    finally:
        superuser.execute("UPDATE alembic_version SET version_num = %s", (head,))
    assert old == [(Level.ERROR, f"is at 0010 and has to be at {head}; run `run.py migrate`.")]
    assert new[0][0] is Level.WARNING
    now = time.time
    monkeypatch.setattr(check_postgres.time, "time", lambda: now() + 86_400)
    assert told(await check_postgres.check_postgres(real), "clock")[0][0] is Level.ERROR


async def test_a_replica_that_is_a_primary_is_found(real: Settings) -> None:
    found = await check_postgres.check_replica(real.model_copy(update={"replica_url": real.database_url}))
    assert found[0].level is Level.WARNING
    assert await check_postgres.check_replica(real) == []


async def test_a_broker_that_evicts_forgets_and_piles_up_is_found(real: Settings, valkey: Valkey, clean: None) -> None:
    redis = Redis(unix_socket_path=str(valkey.socket), db=2)
    assert check_redis.QUEUE_KEY == KEY_PREFIX + QUEUE
    redis.config_set("maxmemory-policy", "allkeys-lru")
    redis.config_set("appendonly", "no")
    redis.rpush(check_redis.QUEUE_KEY, *range(600))
    try:
        broker = [sentence for _, sentence in told(await check_redis.check_broker(real), "Redis as broker")]
        sessions = await check_redis.check_sessions(real)
    finally:
        redis.config_set("maxmemory-policy", "noeviction")
        redis.config_set("appendonly", "yes")
    assert broker == [
        "may evict messages; set maxmemory-policy to noeviction on this server.",
        "forgets its messages when it restarts; set appendonly to yes.",
        "600 messages wait; start workers, or look why theirs are slow.",
    ]
    assert sessions[0].level is Level.WARNING


async def test_old_promises_dead_letters_and_open_breakers_are_found(real: Settings, db: Database) -> None:
    async with db.transaction() as conn:
        await outbox.promise(conn, "tasks.mail.send_goodbye", email="a@example.com", name="a", language="en")
        await outbox.promise(conn, "tasks.orders.sweep")
        await conn.execute("UPDATE outbox SET due_at = now() - interval '1 hour' WHERE task LIKE '%orders%'")
        await conn.execute("UPDATE outbox SET buried_at = now(), last_error = '550 no' WHERE task LIKE '%mail%'")
        await conn.execute("INSERT INTO outbox_breakers (service, probe_at) VALUES ('mail', now())")
    found = told((await examine(real)), "outbox")
    assert [level for level, _ in found] == [Level.ERROR, Level.WARNING, Level.ERROR]
    assert found[0][1].startswith("1 promises wait, the oldest for 36")
    assert found[1][1] == "1 dead letters (550 no); mend the cause, then `run.py letters --resend`."
    assert found[2][1].startswith("the service of mail tasks is away")


async def test_foreign_keys_and_a_slot_that_nobody_reads_are_found(
    real: Settings, db: Database, superuser: Any
) -> None:
    async with db.transaction() as conn:
        await agree_on_keys(conn, real.secret_keys)
    superuser.execute("SELECT pg_create_physical_replication_slot('forgotten', true)")
    try:
        found = await check_postgres.check_postgres(real.model_copy(update={"secret_keys": (bytes(32),)}))
    finally:
        superuser.execute("SELECT pg_drop_replication_slot('forgotten')")
    assert [level for level, _ in told(found, "keys")] == [Level.ERROR]
    assert any("nobody reads the slot forgotten" in sentence for _, sentence in told(found, "PostgreSQL"))
    assert told(await check_postgres.check_postgres(real), "keys") == []


def test_a_missing_an_old_and_a_silent_backup_are_found(tmp_path: Path) -> None:
    environ = {"BACKUP_URL": f"file://{tmp_path}", "BACKUP_KEY": "A" * 43 + "="}
    assert check_backup({}) == []
    assert [finding.sentence.partition(";")[0] for finding in check_backup(environ)] == [
        "there is none",
        "the log was archived never, so a crash would lose what is newer",
    ]
    depot = FolderDepot(tmp_path)
    depot.put(HEARTBEAT, [b"{}"])
    label = Label("n", 15, "0" * 24, "", (datetime.now(UTC) - timedelta(hours=30)).isoformat(), 1, 0, "")
    depot.put("base/n/label.json", [json.dumps(asdict(label)).encode()])
    assert [(finding.level, finding.sentence[:24]) for finding in check_backup(environ)] == [
        (Level.WARNING, "the newest is 30 h old; ")
    ]
    label = replace(label, finished_at=datetime.now(UTC).isoformat())
    depot.put("base/n/label.json", [json.dumps(asdict(label)).encode()])
    assert [finding.level for finding in check_backup(environ)] == [Level.FINE]
    assert check_backup(environ | {"BACKUP_KEY": "x"})[0].level is Level.ERROR


async def test_a_provider_that_cannot_be_reached_and_its_missing_key_are_found(real: Settings) -> None:
    switched_on = {"payment_methods": ("alipay", "cash"), "payment_alipay_gateway": "https://127.0.0.1:1/gateway.do"}
    found = await check_payments(real.model_copy(update=switched_on))
    assert [finding.sentence.partition(" (")[0].partition(";")[0] for finding in found] == [
        "the file of SHOP_PAYMENT_ALIPAY_PRIVATE_KEY cannot be read",
        "the file of SHOP_PAYMENT_ALIPAY_PUBLIC_KEY cannot be read",
        "Alipay cannot be reached",
    ]


def certificate(folder: Path, host: str, days: float) -> Path:
    """A certificate of our own making that lasts so long."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=60))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{host}-{days}.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return path


def test_certificates_that_end_or_are_for_another_host_are_found(settings: Settings, tmp_path: Path) -> None:
    secure = settings.model_copy(update={"url": "https://shop.example"})
    files = [certificate(tmp_path, "shop.example", days) for days in (80, 10, 2)]
    files += [certificate(tmp_path, "other.example", 80), tmp_path / "missing.pem"]
    levels = [finding.level for finding in check_machine.check_certificates(secure, files)]
    assert levels == [Level.FINE, Level.WARNING, Level.ERROR, Level.ERROR, Level.ERROR]
    assert check_machine.check_certificates(settings, [])[0].level is Level.WARNING


async def test_a_full_disk_is_found(real: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        total, free = 1000, 20

    monkeypatch.setattr(check_machine.shutil, "disk_usage", lambda _folder: Full)
    found = await asyncio.wait_for(check_machine.check_disk(real), 10)
    assert {finding.level for finding in found} == {Level.ERROR}


def test_an_open_environment_file_is_found_and_the_exit_status_tells(
    real: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str], postgres: Postgres, clean: None
) -> None:
    file = tmp_path / "environment"
    file.write_text(f"# the shop\nSHOP_URL=http://shop.example\nSHOP_DATABASE_URL='{real.database_url}'\n")
    file.chmod(0o644)
    ask = argparse.Namespace(environment=[file], certificate=None, quiet=True)
    assert command.main(ask) == 2
    assert "SHOP_REDIS_URL is missing" in capsys.readouterr().out
    with file.open("a") as more:
        more.write(
            f"SHOP_REDIS_URL={real.redis_url}\nSHOP_BROKER_URL={real.broker_url}\nSHOP_MAIL_SENDER=a@b.example\n"
        )
        more.write(f"SHOP_MAIL_URL=smtp://127.0.0.1:1\nSHOP_MEDIA_URL={real.media_url}\nSHOP_SECRET_KEYS={'A' * 43}=\n")
    assert command.main(ask) == 2
    said = capsys.readouterr().out
    assert f"everybody on this machine may open {file} (mode 644); chmod 640 {file}." in said
    assert "warning  certificate: SHOP_URL is not https" in said
    assert "error    mail server: takes no mail" in said
