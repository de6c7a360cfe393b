"""Another password, by choice or because it is forgotten."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import time_machine

from shop.accounts.queries import account_by_login
from shop.accounts.security.password.service import reset_token
from shop.db import Database
from shop.settings import Settings
from shop.tokens import Tokens
from tests.conftest import Visitor
from tests.world import EVE, LIN, PASSWORD, customer, sign_in, submit

NEW = "osmanthus-in-october"


async def promises(db: Database) -> list[tuple[str, dict[str, Any]]]:
    async with db.read() as conn:
        return [(row.task, row.args) for row in await conn.fetch_all("SELECT task, args FROM outbox ORDER BY id")]


async def stored(db: Database) -> Any:
    async with db.read() as conn:
        return await conn.fetch_value("SELECT password_hash FROM accounts")


async def link(db: Database, settings: Settings) -> str:
    """The path that the newest reset mail would carry now."""
    async with db.read() as conn:
        account = await account_by_login(conn, LIN.email)
    assert account is not None
    return f"/password-reset/{reset_token(Tokens(settings.secret_keys), account)}"


async def can_sign_in(visitor: Visitor, password: str) -> bool:
    answer = await submit(visitor, "/login", {"login": LIN.username, "password": password})
    return bool(answer.status == 303)


async def test_a_new_password_ends_all_other_sessions_and_renews_this_one(
    client: Visitor, new_visitor: Any, db: Database
) -> None:
    account = await customer(db, LIN)
    other = await new_visitor()
    await sign_in(other, LIN)
    await sign_in(client, LIN)
    before = client.session.cookie_jar.filter_cookies(client.make_url("/"))["session"].value
    answer = await submit(client, "/account/password", {"password": NEW})
    assert (answer.status, answer.headers["Location"]) == (303, "/account/security")
    assert answer.cookies["session"].value != before
    assert (await client.get("/account", allow_redirects=False)).status == 200
    assert (await other.get("/account", allow_redirects=False)).status == 303
    assert await can_sign_in(await new_visitor(), NEW)
    assert not await can_sign_in(await new_visitor(), PASSWORD)
    assert await promises(db) == [
        ("tasks.mail.send_security_notice", {"account_id": account.id, "kind": "password_changed"})
    ]


async def test_s15_a_remembered_session_has_to_sign_in_again_for_it(client: Visitor, db: Database) -> None:
    await customer(db, LIN)
    await sign_in(client, LIN)
    before = await stored(db)
    async with db.transaction() as conn:
        await conn.execute("UPDATE sessions SET signed_in_at = now() - interval '11 minutes'")
    for path in ("/account/password", "/account/email", "/account/second-factor", "/account/personal-data"):
        answer = await client.get(path, allow_redirects=False)
        assert answer.status == 303
        assert answer.headers["Location"].startswith("/login?next=")
    page = await (await client.get("/login?next=/account/password")).text()
    assert "Is it you?" in page
    assert 'value="lin"' in page
    answer = await submit(client, "/account/password", {"password": NEW}, on="/account")
    assert answer.headers["Location"].startswith("/login")
    assert await stored(db) == before
    answer = await submit(client, "/login", {"login": "lin", "password": PASSWORD, "next": "/account/password"})
    assert answer.headers["Location"] == "/account/password"
    assert (await client.get("/account/password", allow_redirects=False)).status == 200


async def test_a_forgotten_password_is_set_anew_by_mail(
    client: Visitor, new_visitor: Any, db: Database, settings: Settings
) -> None:
    account = await customer(db, LIN)
    answer = await submit(client, "/password-reset", {"email": "LIN@example.com"})
    assert (answer.status, answer.headers["Location"]) == (303, "/password-reset")
    assert await promises(db) == [("tasks.mail.send_password_reset", {"account_id": account.id})]
    path = await link(db, settings)
    assert (await client.get(path)).headers["Referrer-Policy"] == "no-referrer"
    answer = await submit(client, path, {"password": NEW})
    assert (answer.status, answer.headers["Location"]) == (303, "/login")
    assert await can_sign_in(client, NEW)
    assert not await can_sign_in(await new_visitor(), PASSWORD)


async def test_s19_a_reset_ends_every_session_and_signs_nobody_in(
    client: Visitor, new_visitor: Any, db: Database, settings: Settings
) -> None:
    await customer(db, LIN)
    first, second = await new_visitor(), await new_visitor()
    await sign_in(first, LIN)
    await sign_in(second, LIN)
    await submit(client, "/password-reset", {"email": LIN.email})
    answer = await submit(client, await link(db, settings), {"password": NEW})
    assert "session" not in answer.cookies
    for visitor in (first, second, client):
        assert (await visitor.get("/account", allow_redirects=False)).status == 303
    kinds = [task["kind"] for name, task in await promises(db) if name == "tasks.mail.send_security_notice"]
    assert kinds == ["password_reset"]


async def test_s18_only_the_newest_link_works_and_only_once(client: Visitor, db: Database, settings: Settings) -> None:
    await customer(db, LIN)
    await submit(client, "/password-reset", {"email": LIN.email})
    first = await link(db, settings)
    await submit(client, "/password-reset", {"email": LIN.email})
    newest = await link(db, settings)
    before = await stored(db)
    assert (await client.post(first, data={"password": NEW}, allow_redirects=False)).status == 422
    assert await stored(db) == before
    assert (await client.post(newest, data={"password": NEW}, allow_redirects=False)).status == 303
    after = await stored(db)
    assert (await client.post(newest, data={"password": "another-choice-9"}, allow_redirects=False)).status == 422
    assert await stored(db) == after


async def test_s18_a_link_dies_with_a_change_of_password_or_address_and_after_an_hour(
    client: Visitor, new_visitor: Any, db: Database, settings: Settings
) -> None:
    await customer(db, LIN)
    visitor = await new_visitor()
    await sign_in(visitor, LIN)
    changes = (
        "UPDATE accounts SET email = 'x@example.com', email_key = 'x@example.com', link_serial = link_serial + 1",
        "UPDATE accounts SET email = 'lin@example.com', email_key = 'lin@example.com'",
    )
    await submit(client, "/password-reset", {"email": LIN.email})
    dead = [await link(db, settings)]
    await submit(visitor, "/account/password", {"password": "changed-meanwhile"})
    await submit(client, "/password-reset", {"email": LIN.email})
    dead.append(await link(db, settings))
    async with db.transaction() as conn:
        for change in changes:
            await conn.execute(change)
    with time_machine.travel(timedelta(seconds=-3601)):
        dead.append(await link(db, settings))
    before = await stored(db)
    for path in dead:
        for answer in (await client.get(path), await client.post(path, data={"password": NEW})):
            assert answer.status == 422
            assert "works for one hour" in await answer.text()
    assert await stored(db) == before


async def test_s17_nobody_learns_which_addresses_are_known(client: Visitor, new_visitor: Any, db: Database) -> None:
    await customer(db, LIN)
    answers = []
    for person in (LIN, EVE):
        visitor = await new_visitor()
        sent = await submit(visitor, "/password-reset", {"email": person.email})
        shown = await (await visitor.get("/password-reset")).text()
        answers.append((sent.status, sent.headers["Location"], await sent.read(), shown))
    assert answers[0] == answers[1]
    assert [task for task, _ in await promises(db)] == ["tasks.mail.send_password_reset"] * 2


async def test_s17_one_address_gets_at_most_five_links_a_day(client: Visitor, db: Database) -> None:
    await customer(db, LIN)
    statuses = [(await submit(client, "/password-reset", {"email": LIN.email})).status for _ in range(7)]
    assert statuses == [303] * 5 + [429] * 2
    assert len(await promises(db)) == 5


async def test_s4_a_bad_new_password_is_told_and_changes_nothing(client: Visitor, db: Database) -> None:
    await customer(db, LIN)
    await sign_in(client, LIN)
    before = await stored(db)
    for bad, why in (
        ("short", "Use at least 8"),
        ("x" * 129, "Use at most 128"),
        ("password123", "Too many people"),
        ("PassWord123", "Too many people"),
        ("aaaaaaaaaaaa", "Too many people"),
        ("lin@example.com", "is not your user name or e-mail"),
        ("with\x00null-in-it", "characters that cannot be used"),
        ("        ", "Choose a password"),
    ):
        answer = await submit(client, "/account/password", {"password": bad})
        assert (answer.status, why in await answer.text()) == (422, True), bad
    assert await stored(db) == before


async def test_s4_any_long_enough_password_is_welcome(client: Visitor, new_visitor: Any, db: Database) -> None:
    await customer(db, LIN)
    await sign_in(client, LIN)
    for good in ("床前明月光疑是地上", " spaces at both ends ", "x1" * 64, "aaaa bbbb cccc"):
        assert (await submit(client, "/account/password", {"password": good})).status == 303, good
        assert await can_sign_in(await new_visitor(), good), good
        assert not await can_sign_in(await new_visitor(), good.rstrip() + "!"), good
