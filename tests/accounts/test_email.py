"""Moving to another e-mail address."""

from __future__ import annotations

from typing import Any

from shop.accounts.security.email.service import change_token, change_under_way
from shop.db import Database
from shop.settings import Settings
from shop.tokens import Tokens
from tests.conftest import Visitor
from tests.world import LIN, TOM, customer, sign_in, submit

NEW = "lin.new@example.com"


async def address(db: Database, account_id: int) -> Any:
    async with db.read() as conn:
        return await conn.fetch_value("SELECT email FROM accounts WHERE id = %(id)s", {"id": account_id})


async def promises(db: Database) -> list[tuple[str, dict[str, Any]]]:
    async with db.read() as conn:
        return [(row.task, row.args) for row in await conn.fetch_all("SELECT task, args FROM outbox ORDER BY id")]


async def link(db: Database, settings: Settings, account_id: int) -> str:
    async with db.read() as conn:
        change = await change_under_way(conn, account_id)
    assert change is not None
    return f"/email-confirmation/{change_token(Tokens(settings.secret_keys), change)}"


async def test_an_address_changes_when_the_new_mailbox_confirms(
    client: Visitor, new_visitor: Any, db: Database, settings: Settings
) -> None:
    account = await customer(db, LIN)
    await sign_in(client, LIN)
    answer = await submit(client, "/account/email", {"email": NEW})
    assert (answer.status, answer.headers["Location"]) == (303, "/account/email")
    assert await address(db, account.id) == LIN.email
    assert await promises(db) == [
        ("tasks.mail.send_email_confirmation", {"account_id": account.id}),
        ("tasks.mail.send_security_notice", {"account_id": account.id, "kind": "email_change_asked"}),
    ]
    assert NEW in await (await client.get("/account/email")).text()
    path = await link(db, settings, account.id)
    mailbox = await new_visitor()
    assert (await mailbox.get(path)).status == 200
    assert await address(db, account.id) == LIN.email
    assert (await submit(mailbox, path, {})).status == 303
    assert await address(db, account.id) == NEW
    assert (await promises(db))[2:] == [("tasks.mail.send_email_changed", {"account_id": account.id, "old": LIN.email})]
    assert (await submit(mailbox, "/login", {"login": NEW, "password": "plum-rain-in-june"})).status == 303


async def test_a_link_works_once_and_only_the_newest(client: Visitor, db: Database, settings: Settings) -> None:
    account = await customer(db, LIN)
    await sign_in(client, LIN)
    await submit(client, "/account/email", {"email": "old.wish@example.com"})
    old = await link(db, settings, account.id)
    await submit(client, "/account/email", {"email": NEW})
    newest = await link(db, settings, account.id)
    assert (await submit(client, old, {}, on="/account")).status == 422
    assert await address(db, account.id) == LIN.email
    assert (await submit(client, newest, {}, on="/account")).status == 303
    assert (await submit(client, newest, {}, on="/account")).status == 422
    assert await address(db, account.id) == NEW


async def test_a_change_of_password_kills_the_wish(client: Visitor, db: Database, settings: Settings) -> None:
    account = await customer(db, LIN)
    await sign_in(client, LIN)
    await submit(client, "/account/email", {"email": NEW})
    path = await link(db, settings, account.id)
    await submit(client, "/account/password", {"password": "osmanthus-in-october"})
    assert (await submit(client, path, {}, on="/account")).status == 422
    assert await address(db, account.id) == LIN.email


async def test_only_the_owner_of_a_taken_address_learns_that_it_is_taken(
    client: Visitor, new_visitor: Any, db: Database, settings: Settings
) -> None:
    lin, tom = await customer(db, LIN), await customer(db, TOM)
    await sign_in(client, LIN)
    free = await submit(client, "/account/email", {"email": NEW})
    taken = await submit(client, "/account/email", {"email": TOM.email.upper()})
    assert (taken.status, taken.headers["Location"]) == (free.status, free.headers["Location"])
    answer = await submit(await new_visitor(), await link(db, settings, lin.id), {})
    assert answer.status == 422
    assert "has an account of its own" in await answer.text()
    assert (await address(db, lin.id), await address(db, tom.id)) == (LIN.email, TOM.email)


async def test_the_same_address_and_a_wrong_one_are_told(client: Visitor, db: Database) -> None:
    await customer(db, LIN)
    await sign_in(client, LIN)
    for typed, why in ((" LIN@Example.com", "your address already"), ("lin@", "like name@example.com")):
        answer = await submit(client, "/account/email", {"email": typed})
        assert (answer.status, why in await answer.text()) == (422, True)
    assert await promises(db) == []


async def test_the_record_names_the_field_and_never_its_value(client: Visitor, db: Database) -> None:
    await customer(db, LIN)
    await sign_in(client, LIN)
    await submit(client, "/account/email", {"email": NEW})
    async with db.read() as conn:
        rows = await conn.fetch_all("SELECT row_to_json(e)::text AS line, details FROM security_events e ORDER BY id")
    assert rows[-1].details == {"field": "email"}
    assert not any(value in row.line for row in rows for value in (NEW, LIN.email, "lin", "127.0.0.1"))
