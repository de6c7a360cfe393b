"""Backups: sealed, streamed, restored to a moment, rehearsed; and worth nothing to who steals them."""

from __future__ import annotations

import argparse
import base64
import os
import stat
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from shop.commands import backup as backup_command
from shop.commands import restore as restore_command
from shop.commands.drill import drill
from shop.embedded import DATABASE, Postgres
from shop.operations.backup_settings import BackupSettings, BackupSettingsError
from shop.operations.base_backup import WAL, forget_old, labels, take_backup
from shop.operations.depot import DepotError, FolderDepot, open_depot
from shop.operations.key_export import WrongPassphrase, export_keys, import_keys
from shop.operations.restoring import NoBackup, bring_back_pictures, chosen, lay_out
from shop.operations.scratch_server import running
from shop.operations.sealed_files import PIECE, BackupDamaged, fingerprint, sealed, unsealed
from shop.operations.wal_archive import HEARTBEAT, SLOT, WalArchive
from shop.placement import unprivileged
from tests.media.test_stores import s3_url  # noqa: F401
from tests.servers import scratch_folder

KEY = bytes(range(32))
CANARY = "canary-of-a-password-hash"
PICTURE = "ab" * 32 + ".webp"


@pytest.mark.parametrize("size", [0, 1, PIECE, PIECE + 1, 3 * PIECE + 7])
def test_what_is_sealed_opens_again(size: int) -> None:
    plain = os.urandom(size)
    secret = list(sealed([plain[:5], plain[5:]], KEY, "base/x"))
    assert b"".join(unsealed(secret, KEY, "base/x")) == plain


def test_b2_sealed_files_that_were_altered_cut_renamed_or_joined_do_not_open() -> None:
    secret = b"".join(sealed([os.urandom(2 * PIECE + 9)], KEY, "base/x"))
    flipped = bytearray(secret)
    flipped[PIECE] ^= 1
    first = 24 + 4 + int.from_bytes(secret[24:28], "big")
    damaged = [bytes(flipped), secret[:-1], secret[:first], secret[:24] + secret[first:], secret + secret, b"", b"tar"]
    for content in damaged:
        with pytest.raises(BackupDamaged):
            b"".join(unsealed([content], KEY, "base/x"))
    for key, name in ((os.urandom(32), "base/x"), (KEY, "base/y")):
        with pytest.raises(BackupDamaged):
            b"".join(unsealed([secret], key, name))


def test_a_depot_keeps_whole_files_for_its_owner_alone(tmp_path: Path) -> None:
    depot = FolderDepot(tmp_path / "depot")

    def breaks() -> Iterator[bytes]:
        yield b"half"
        raise OSError("the line was cut")

    with pytest.raises(OSError, match="the line was cut"):
        depot.put("base/a/x", breaks())
    assert depot.names("") == []
    assert depot.put("base/a/x", [b"who", b"le"]) == 5
    assert b"".join(depot.get("base/a/x")) == b"whole"
    assert stat.S_IMODE((tmp_path / "depot/base/a/x").stat().st_mode) == 0o600
    with pytest.raises(DepotError):
        b"".join(depot.get("base/b"))
    with pytest.raises(DepotError):
        open_depot("ftp://x")


def test_a_bucket_is_a_depot_too(s3_url: str) -> None:  # noqa: F811
    depot = open_depot(s3_url.replace("@pictures?", "@pictures/backups?"))
    plain = os.urandom(6 << 20)
    name = "base/a/postgres.tar"
    assert depot.put(name, sealed([plain], KEY, name)) > len(plain)
    assert b"".join(unsealed(depot.get(name), KEY, name)) == plain
    depot.put("wal/1", [b"x"])
    assert depot.names("") == [name, "wal/1"]
    assert depot.names("wal/") == ["wal/1"]
    age = depot.age(name)
    assert age is not None
    assert age < 60
    assert depot.age("wal/2") is None
    depot.delete("wal/1")
    depot.delete("wal/1")
    assert depot.names("wal/") == []
    with pytest.raises(DepotError):
        b"".join(depot.get("wal/1"))
    with pytest.raises(DepotError):
        open_depot(s3_url.replace("s3cret", "guessed")).put("x", [b"y"])


def test_settings_of_backups_say_what_is_wrong_and_show_no_value(tmp_path: Path) -> None:
    good = {"BACKUP_URL": f"file://{tmp_path}", "BACKUP_KEY": base64.b64encode(KEY).decode()}
    assert BackupSettings.load(good).keep == 7
    assert KEY.hex() not in repr(BackupSettings.load(good))
    for wrong, name in (
        ({"BACKUP_KEY": "secret-value"}, "BACKUP_KEY"),
        ({"BACKUP_KEEP": "0"}, "BACKUP_KEEP"),
        ({"BACKUP_COLOUR": "red"}, "BACKUP_COLOUR"),
        ({"BACKUP_URL": ""}, "BACKUP_URL"),
    ):
        with pytest.raises(BackupSettingsError) as told:
            BackupSettings.load(good | wrong)
        assert name in str(told.value)
        assert "secret-value" not in str(told.value)


def test_the_keys_are_exported_apart_and_open_with_their_passphrase_only(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    environ = {"SHOP_SECRET_KEYS": "one,two", "BACKUP_KEY": "three", "SHOP_URL": "https://shop.example"}
    assert export_keys(environ, file, "a long passphrase") == ["BACKUP_KEY", "SHOP_SECRET_KEYS"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert b"one,two" not in file.read_bytes()
    assert import_keys(file, "a long passphrase") == {"SHOP_SECRET_KEYS": "one,two", "BACKUP_KEY": "three"}
    with pytest.raises(WrongPassphrase):
        import_keys(file, "another passphrase")


@pytest.fixture
def room() -> Iterator[Path]:
    """A folder PostgreSQL's account reaches."""
    with scratch_folder() as folder:
        yield folder


@pytest.fixture
def plan(postgres: Postgres, room: Path) -> BackupSettings:
    """A shop with one picture, backed up into a folder."""
    media = room / "media"
    (media / "ab").mkdir(parents=True)
    (media / "ab" / PICTURE).write_bytes(b"an apple")
    return BackupSettings(
        url=f"file://{room}/depot",
        key=KEY,
        database_url=postgres.superuser_url,
        keep=2,
        spool=room / "spool",
        media=media,
    )


@pytest.fixture
def archive(plan: BackupSettings, postgres: Postgres) -> Iterator[WalArchive]:
    """The log, streamed every fifth of a second; the slot is given back."""
    archive = WalArchive(plan, open_depot(plan.url), every=0.2)
    archive.receive()
    shipping = threading.Thread(target=archive.run)
    shipping.start()
    yield archive
    archive.stop()
    shipping.join(30)
    archive.end()
    with psycopg2.connect(postgres.superuser_url) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT pg_drop_replication_slot(%s)", (SLOT,))


@pytest.fixture
def owner(postgres: Postgres) -> Iterator[Any]:
    connection = psycopg2.connect(postgres.owner_url)
    connection.autocommit = True
    cursor = connection.cursor()
    yield cursor
    cursor.execute("DROP TABLE IF EXISTS doomed")
    connection.close()


def now(cursor: Any) -> datetime:
    cursor.execute("SELECT clock_timestamp()")
    moment: datetime = cursor.fetchone()[0]
    return moment


def run(command: Any, *words: str) -> int:
    """A command of run.py as it is typed."""
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return int(command.main(parser.parse_args(words)))


def wait_for_log(depot: FolderDepot, cursor: Any) -> None:
    """Until what was just written is in the depot, sealed: the heartbeat after the segment has changed."""
    cursor.execute("SELECT pg_walfile_name(pg_current_wal_lsn())")
    segment = cursor.fetchone()[0]
    end = time.monotonic() + 60
    while True:
        ages = [depot.age(f"{WAL}{segment}{ending}") for ending in ("", ".partial")]
        beat = depot.age(HEARTBEAT)
        if beat is not None and any(age is not None and age < 0.5 for age in ages):
            return
        assert time.monotonic() < end, depot.names("")
        cursor.execute("INSERT INTO doomed VALUES (0)")  # pushes the log on, for it is written out when it grows
        time.sleep(0.05)


def test_b1_a_dropped_table_comes_back_as_it_was_a_moment_before(
    plan: BackupSettings, archive: WalArchive, owner: Any, room: Path
) -> None:
    depot = open_depot(plan.url)
    owner.execute("CREATE TABLE doomed (n int)")
    label = take_backup(plan, depot)
    owner.execute("INSERT INTO doomed SELECT generate_series(1, 1000)")
    before = now(owner)
    owner.execute("DROP TABLE doomed")
    owner.execute("CREATE TABLE doomed (n int)")
    wait_for_log(FolderDepot(room / "depot"), owner)

    data = room / "restored" / "data"
    data.parent.mkdir()
    account = unprivileged()
    assert lay_out(depot, KEY, chosen(depot, KEY, before), data, at=before, account=account) >= 1
    with running(data, label.major, account, patience=60) as url:
        restored = psycopg2.connect(url.format(database=DATABASE))
        with restored.cursor() as cursor:
            cursor.execute("SELECT count(*), max(n) FROM doomed")
            assert cursor.fetchone() == (1000, 1000)
        restored.close()


def test_a_drill_restores_checks_and_tells_how_long_it_took(
    plan: BackupSettings, owner: Any, room: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    depot = open_depot(plan.url)
    owner.execute("CREATE TABLE doomed (note text)")
    owner.execute("INSERT INTO doomed VALUES (%s)", (CANARY,))
    file = room / "backup.environment"
    file.write_text(
        f"BACKUP_URL={plan.url}\nBACKUP_KEY={base64.b64encode(KEY).decode()}\nBACKUP_DATABASE_URL={plan.database_url}\n"
        f"SHOP_MEDIA_URL=file://{plan.media}\n"
    )
    assert run(backup_command, "--environment", str(file)) == 0
    assert run(backup_command, "--environment", str(file), "--list") == 0
    assert "1 pictures" in capsys.readouterr().out
    assert run(restore_command, "--environment", str(file), "--drill", "--scratch", str(room)) == 0
    assert f"{labels(depot)[0].name}: restorable in " in capsys.readouterr().out
    assert list(room.glob("bayberry-drill-*")) == []
    to = ["--to", str(room / "data"), "--owner", "nobody"]
    assert run(restore_command, "--environment", str(file), *to) == 0
    assert "0 pictures came back" in capsys.readouterr().out
    assert (room / "data" / "recovery.signal").exists()
    assert run(restore_command, "--environment", str(file), *to) == 1
    assert "is not empty" in capsys.readouterr().err

    # B2: who steals the backup has neither a password hash nor a picture, and no key opens it but ours
    stolen = b"".join(path.read_bytes() for path in (room / "depot").rglob("*") if path.is_file())
    assert CANARY.encode() not in stolen
    assert b"an apple" not in stolen
    with pytest.raises(NoBackup, match=fingerprint(KEY)):
        chosen(depot, os.urandom(32), None)

    (plan.media / "ab" / PICTURE).unlink()  # type: ignore[operator]
    label = labels(depot)[0]
    assert bring_back_pictures(depot, KEY, label, plan.media) == 1  # type: ignore[arg-type]
    assert (plan.media / "ab" / PICTURE).read_bytes() == b"an apple"  # type: ignore[operator]

    # a backup somebody touched is found by the drill, not by the disaster
    tar = room / "depot" / "base" / label.name / "postgres.tar"
    content = bytearray(tar.read_bytes())
    content[len(content) // 2] ^= 1
    tar.write_bytes(content)
    with pytest.raises(BackupDamaged):
        drill(plan, scratch=room)


def test_only_so_many_backups_are_kept_and_the_log_they_need(tmp_path: Path) -> None:
    depot = FolderDepot(tmp_path)
    for day, segment in ((1, 3), (2, 5), (3, 8)):
        name = f"2026110{day}T000000Z"
        depot.put(f"base/{name}/postgres.tar", [b"x"])
        first = f"{1:08X}{0:08X}{segment:08X}"
        text = (
            f'{{"name": "{name}", "major": 15, "first_segment": "{first}", "started_at": "", "finished_at": "",'
            ' "size": 1, "pictures": 0, "key": ""}'
        )
        depot.put(f"base/{name}/label.json", [text.encode()])
    depot.put("base/20261102T120000Z/postgres.tar", [b"broken off"])
    for segment in range(3, 10):
        depot.put(f"{WAL}{1:08X}{0:08X}{segment:08X}", [b"x"])
    depot.put(f"{WAL}00000002.history", [b"x"])
    forget_old(depot, 2)
    assert [label.name for label in labels(depot)] == ["20261102T000000Z", "20261103T000000Z"]
    kept = [name for name in depot.names("") if name.startswith(WAL)]
    assert kept == [f"{WAL}{1:08X}{0:08X}{segment:08X}" for segment in range(5, 10)] + [f"{WAL}00000002.history"]
    assert depot.names("base/20261102T12") == []
