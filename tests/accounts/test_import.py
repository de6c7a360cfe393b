"""Customers of another shop: their file, their old passwords, their first sign-in."""

from __future__ import annotations

import argparse
import asyncio
import csv
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from shop.commands import accounts as command
from shop.db import Database
from shop.settings import Settings
from tests.conftest import Visitor
from tests.test_passwords import OLD, WORD
from tests.world import LIN, customer, submit

HEADER = ["username", "email", "password_hash", "language", "created_at", "active"]


@pytest.fixture
def run(settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """`run.py accounts import` on the servers of the tests; exit status and the first line it printed."""

    @contextmanager
    def at_hand(environment: object) -> Iterator[Settings]:
        yield settings

    monkeypatch.setattr(command, "settings_at_hand", at_hand)

    def started(*words: str) -> int:
        parser = argparse.ArgumentParser()
        command.add_arguments(parser)
        return command.main(parser.parse_args(["import", *words]))

    async def _run(file: Path, *options: str) -> tuple[int, str]:
        status = await asyncio.to_thread(started, str(file), *options)
        return status, "".join(capsys.readouterr()).partition("\n")[0]

    return _run


def table(folder: Path, *lines: dict[str, str]) -> Path:
    path = folder / "users.csv"
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, HEADER)
        writer.writeheader()
        writer.writerows(lines)
    return path


def line(n: int, **more: str) -> dict[str, str]:
    return {"username": f"old{n}", "email": f"old{n}@example.com", "password_hash": OLD["bare md5"], **more}


async def rows(db: Database) -> list[Any]:
    async with db.read() as conn:
        return await conn.fetch_all("SELECT * FROM accounts ORDER BY id")


async def test_every_kind_of_old_password_opens_the_account_and_becomes_argon2id(
    client: Visitor, db: Database, tmp_path: Path, run: Any, real_hashes: None
) -> None:
    lines = [line(n, password_hash=old) for n, old in enumerate(OLD.values())]
    assert await run(table(tmp_path, *lines)) == (0, f"{len(OLD)} accounts imported, 0 lines refused")
    before = [row.password_hash for row in await rows(db)]
    for bare in (hashlib.md5(WORD.encode()).hexdigest(), hashlib.sha1(WORD.encode()).hexdigest()):
        assert not any(bare in stored.lower() for stored in before)
    for n in range(len(OLD)):
        answer = await submit(client, "/login", {"login": f"old{n}", "password": WORD})
        assert answer.status == 303, list(OLD)[n]
        client.session.cookie_jar.clear()
    assert {row.password_hash[:31] for row in await rows(db)} == {"$argon2id$v=19$m=19456,t=2,p=1$"}
    again = await submit(client, "/login", {"login": "old0", "password": WORD})
    assert again.status == 303


async def test_a_wrong_password_changes_no_old_hash(client: Visitor, db: Database, tmp_path: Path, run: Any) -> None:
    await run(table(tmp_path, line(1)))
    before = await rows(db)
    bare = OLD["bare md5"]
    for wrong in ("wrong", bare):
        assert (await submit(client, "/login", {"login": "old1", "password": wrong})).status == 422
    assert await rows(db) == before


async def test_a_dry_run_says_what_would_happen_and_changes_nothing(db: Database, tmp_path: Path, run: Any) -> None:
    file = table(tmp_path, line(1), line(2, email="nonsense"))
    status, told = await run(file, "--dry-run")
    assert (status, told) == (1, "1 accounts would be imported, 1 lines refused")
    assert await rows(db) == []


async def test_refused_lines_are_written_with_their_reasons_and_the_rest_comes_in(
    db: Database, tmp_path: Path, run: Any
) -> None:
    await customer(db, LIN)
    bad = {
        "not an address": line(1, email="nonsense"),
        "2 to 30 letters": line(2, username="a b"),
        "not a hash": line(3, password_hash="hello"),
        "one of en, zh": line(4, language="fr"),
        "a moment like": line(5, created_at="yesterday"),
        "say the time zone": line(6, created_at="2024-05-01"),
        "yes or no": line(7, active="perhaps"),
        "username: an earlier line has it": line(9, username="OLD8"),
        "email: an earlier line has it": line(10, email="Old8@Example.com"),
        "username: taken in this shop": line(11, username="LIN"),
        "this shop has an account for it": line(12, email="lin@example.com"),
    }
    lines = list(bad.values())
    lines.insert(7, line(8))
    errors = tmp_path / "mended.csv"
    status, told = await run(table(tmp_path, *lines), "--errors", str(errors))
    assert (status, told) == (1, "1 accounts imported, 11 lines refused")
    assert [row.username for row in await rows(db)] == ["lin", "old8"]
    with errors.open(encoding="utf-8", newline="") as file:
        refused = list(csv.DictReader(file))
    assert [int(row["line"]) for row in refused] == [2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13]
    assert all(reason in row["problem"] for reason, row in zip(bad, refused, strict=True))
    assert refused[0]["email"] == "nonsense"


async def test_language_age_and_activation_come_along(db: Database, tmp_path: Path, run: Any) -> None:
    lines = [line(1, language="zh", created_at="2020-02-02T08:00:00+08:00"), line(2, active="no")]
    assert (await run(table(tmp_path, *lines)))[0] == 0
    old, waiting = await rows(db)
    assert (old.language, old.created_at.isoformat()[:10], old.activated_at) == ("zh", "2020-02-02", old.created_at)
    assert (waiting.activated_at, waiting.password_hash) == (None, "!")
    async with db.read() as conn:
        [registration] = await conn.fetch_all("SELECT account_id, username, password_hash FROM pending_registrations")
    assert (registration.account_id, registration.username) == (waiting.id, "old2")
    assert registration.password_hash.startswith(("wrapped$", "pbkdf2_sha256$", "$argon2id$"))


async def test_a_table_without_its_columns_is_refused_as_a_whole(db: Database, tmp_path: Path, run: Any) -> None:
    file = tmp_path / "users.csv"
    file.write_text("name,mail\nlin,lin@example.com\n")
    assert (await run(file))[0] == 2
    assert await rows(db) == []


async def test_a_file_that_is_not_there_is_one_sentence(db: Database, tmp_path: Path, run: Any) -> None:
    status, told = await run(tmp_path / "nothing.csv")
    assert (status, "nothing.csv" in told) == (2, True)
