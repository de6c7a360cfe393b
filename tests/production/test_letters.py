"""Dead letters: who is told of them, and how they become promises again."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

import pytest

from shop import outbox
from shop.commands import letters as command
from shop.db import Database
from shop.settings import Settings
from tests.conftest import Visitor
from tests.world import LIN, MEI, customer, sign_in

TOLD = "A mail to you could not be delivered."


async def test_f_m2_a_customer_whose_mail_was_refused_is_told_at_sign_in(client: Visitor, db: Database) -> None:
    account = await customer(db)
    await customer(db, MEI)
    async with db.transaction() as conn:
        await outbox.promise(conn, "tasks.mail.send_password_reset", account_id=account.id)
        await conn.execute("UPDATE outbox SET buried_at = now(), last_error = '550 no such user'")
    await sign_in(client, MEI)
    assert TOLD not in await (await client.get("/account")).text()
    await sign_in(client, LIN)
    assert TOLD in await (await client.get("/account")).text()
    assert TOLD not in await (await client.get("/account")).text()


async def test_dead_letters_are_listed_and_become_promises_again(
    settings: Settings, db: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with db.transaction() as conn:
        first, second = [await outbox.promise(conn, "tasks.mail.send_activation", registration_id=n) for n in (1, 2)]
        await conn.execute("UPDATE outbox SET buried_at = now(), attempts = 10, last_error = '550 no'")
    file = tmp_path / "environment"
    file.write_text(f"BAYBERRY_DEVELOPMENT=1\nSHOP_DATABASE_URL={settings.database_url}\n")
    said = []
    for resend, ids in ((False, []), (True, [second]), (True, []), (False, [])):
        ask = argparse.Namespace(environment=file, resend=resend, ids=ids)
        assert await asyncio.to_thread(command.main, ask) == 0
        said.append(capsys.readouterr().out)
    assert [line.split()[0] for line in said[0].splitlines()] == [str(second), str(first)]
    assert said[1:] == ["1 letters are promises again.\n", "1 letters are promises again.\n", "There are none.\n"]
    async with db.read() as conn:
        due = await conn.fetch_all("SELECT attempts FROM outbox WHERE buried_at IS NULL AND due_at <= now()")
    assert [row.attempts for row in due] == [0, 0]
