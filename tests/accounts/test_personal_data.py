"""Taking one's data away, and being forgotten."""

from __future__ import annotations

import json
from typing import Any

from shop.db import Database
from tests.accounts.test_addresses import HOME
from tests.conftest import Visitor
from tests.world import LIN, TOM, customer, sign_in, submit


async def test_everything_known_comes_as_one_file(client: Visitor, db: Database) -> None:
    await customer(db, LIN)
    await customer(db, TOM)
    await sign_in(client, LIN)
    await submit(client, "/account/addresses/new", HOME)
    answer = await submit(client, "/account/personal-data/file", {}, on="/account/personal-data")
    assert answer.status == 200
    assert answer.headers["Content-Disposition"] == 'attachment; filename="personal-data.json"'
    assert answer.headers["Cache-Control"] == "no-store"
    told = json.loads(await answer.read())
    assert told["account"]["email"] == "lin@example.com"
    assert told["addresses"][0]["receiver"] == "林小满"
    assert [event["kind"] for event in told["security_record"]] == ["data_exported", "signed_in"]
    assert len(told["sessions"]) == 1
    assert told["recently_viewed"] == []
    assert not {"password_hash", "tag", "id"} & set(told["account"])
    assert "tom" not in json.dumps(told).lower()


async def test_an_erased_account_holds_nobody(client: Visitor, new_visitor: Any, db: Database) -> None:
    account = await customer(db, LIN)
    other = await new_visitor()
    await sign_in(other, LIN)
    await sign_in(client, LIN)
    await submit(client, "/account/addresses/new", HOME)
    refused = await submit(client, "/account/erasure", {})
    assert refused.status == 422
    answer = await submit(client, "/account/erasure", {"understood": "y"})
    assert (answer.status, answer.headers["Location"]) == (303, "/")
    assert "cache" in answer.headers["Clear-Site-Data"]
    for visitor in (client, other):
        assert (await visitor.get("/account", allow_redirects=False)).status == 303
    async with db.read() as conn:
        [row] = await conn.fetch_all("SELECT * FROM accounts")
        tables = ("accounts", "addresses", "sessions", "reserved_usernames", "security_events", "second_factors")
        dump = [await conn.fetch_value(f"SELECT coalesce(json_agg(t)::text, '') FROM {name} t") for name in tables]
        promise = await conn.fetch_one("SELECT task, args FROM outbox")
    assert (row.id, row.username, row.email, row.password_hash) == (account.id, "", "", "!")
    assert row.erased_at is not None
    assert not [text for text in dump if "lin" in text.replace("link_serial", "") or "林小满" in text]
    assert promise is not None
    assert promise.task == "tasks.mail.send_goodbye"
    assert promise.args == {"email": "lin@example.com", "name": "lin", "language": "en"}


async def test_after_erasure_name_and_address_are_free_again(client: Visitor, db: Database) -> None:
    await customer(db, LIN)
    await sign_in(client, LIN)
    await submit(client, "/account/erasure", {"understood": "y"})
    fields = {"login": "lin", "password": "plum-rain-in-june"}
    assert (await submit(client, "/login", fields)).status == 422
    again = {"username": "lin", "email": LIN.email, "password": "plum-rain-in-june", "consent": "y"}
    assert (await submit(client, "/register", again)).status == 303
    async with db.read() as conn:
        assert (
            await conn.fetch_value("SELECT count(*) FROM accounts WHERE email = %(email)s", {"email": LIN.email}) == 1
        )


async def test_the_language_of_mails_is_chosen(client: Visitor, db: Database) -> None:
    await customer(db, LIN)
    await sign_in(client, LIN)
    answer = await submit(client, "/account/language", {"language": "zh"}, on="/account")
    assert (answer.status, answer.headers["Location"]) == (303, "/zh/account")
    assert (await submit(client, "/account/language", {"language": "xx"}, on="/account")).status == 400
    async with db.read() as conn:
        assert await conn.fetch_value("SELECT language FROM accounts") == "zh"


async def test_the_record_shows_the_owner_what_happened(client: Visitor, db: Database) -> None:
    await customer(db, LIN)
    chrome = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/130.0 Safari/537.36"
    wrong = {"login": "lin", "password": "wrong-password"}
    await client.post("/login", data=wrong, headers={"User-Agent": chrome})
    await sign_in(client, LIN)
    page = await (await client.get("/account/security")).text()
    assert page.index("Signed in") < page.index("Failed sign-in")
    assert "Chrome, Windows" in page
    assert "localhost" in page
    chinese = await (await client.get("/zh/account/security")).text()
    assert "登录失败" in chinese
