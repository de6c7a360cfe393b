"""The mails about an account: in the reader's language, with links that work and that nobody can bend."""

from __future__ import annotations

import re
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any
from uuid import uuid4

import pytest

from shop.accounts.models import Account
from shop.accounts.security.models import NOTICES
from shop.db import Database
from shop.mail import Mailer
from shop.outbox import Lease
from shop.settings import Settings
from shop.tokens import Tokens
from shop.urls import Urls
from tasks import mail as tasks
from tasks.runtime import Workshop
from tests.conftest import Visitor
from tests.world import EVE, LIN, MEI, customer, sign_in, submit

HELD = Lease(id=1, lease=uuid4(), reference=uuid4(), task="", args={}, attempts=1)


class Letterbox:
    """Where mails land instead of on a server."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []

    async def deliver(self, sender: str, receiver: str, mail: bytes) -> None:
        parsed = message_from_bytes(mail, policy=default)
        assert isinstance(parsed, EmailMessage)
        self.mails.append(parsed)

    @property
    def newest(self) -> EmailMessage:
        return self.mails[-1]

    def text(self) -> str:
        body = self.newest.get_body(("plain",))
        assert body is not None
        return str(body.get_content())

    def link(self, start: str) -> str:
        found = re.search(rf"{re.escape(start)}/(?:zh/)?[\w./~-]+", self.text())
        assert found, self.text()
        return found[0].removeprefix(start)


@pytest.fixture
def letterbox() -> Letterbox:
    return Letterbox()


@pytest.fixture
async def workshop(settings: Settings, db: Database, letterbox: Letterbox) -> Workshop:
    urls = Urls(settings.url, settings.languages)
    return Workshop(settings, db, urls, Tokens(settings.secret_keys), Mailer(settings, letterbox))


async def keep_promises(db: Database, workshop: Workshop) -> None:
    """Do what the worker would do with everything promised so far."""
    async with db.transaction() as conn:
        rows = await conn.fetch_all("SELECT task, args FROM outbox ORDER BY id")
        await conn.execute("DELETE FROM outbox")
    for row in rows:
        await getattr(tasks, row.task.rpartition(".")[2])(workshop, HELD, **row.args)


async def test_a_reset_mail_leads_to_a_new_password(
    client: Visitor, db: Database, settings: Settings, workshop: Workshop, letterbox: Letterbox
) -> None:
    await customer(db, LIN)
    await submit(client, "/password-reset", {"email": LIN.email})
    await keep_promises(db, workshop)
    assert letterbox.newest["To"] == "lin <lin@example.com>"
    assert letterbox.newest["Subject"].startswith("Set a new password")
    answer = await submit(client, letterbox.link(settings.url), {"password": "osmanthus-in-october"})
    assert answer.status == 303


async def test_each_registration_of_an_address_gets_its_own_mail_under_its_own_name(
    client: Visitor, db: Database, settings: Settings, workshop: Workshop, letterbox: Letterbox
) -> None:
    fields = {"email": LIN.email, "consent": "y"}
    await submit(client, "/register", {**fields, "username": "lin", "password": "osmanthus-in-october"})
    await submit(client, "/zh/register", {**fields, "username": "impostor", "password": "the-impostors-choice"})
    await keep_promises(db, workshop)
    assert letterbox.link(settings.url).startswith("/zh/activation/")
    assert "用户名为 impostor 的账户" in letterbox.text()
    await submit(client, "/activation", {"email": LIN.email})
    await keep_promises(db, workshop)
    assert len(letterbox.mails) == 4
    assert "opens the account with the user name lin " in letterbox.text().replace("\n", " ")
    await submit(client, letterbox.link(settings.url), {})
    assert "Hello, lin" in await (await client.get("/account")).text()


async def test_nobody_gets_no_mail(client: Visitor, db: Database, workshop: Workshop, letterbox: Letterbox) -> None:
    await submit(client, "/password-reset", {"email": EVE.email})
    await submit(client, "/activation", {"email": EVE.email})
    await keep_promises(db, workshop)
    assert letterbox.mails == []


async def test_a_known_address_is_told_by_mail_that_it_has_an_account(
    client: Visitor, db: Database, settings: Settings, workshop: Workshop, letterbox: Letterbox
) -> None:
    await customer(db, MEI)
    fields = {"username": "somebody", "email": MEI.email, "password": "osmanthus-in-october", "consent": "y"}
    await submit(client, "/register", fields)
    await keep_promises(db, workshop)
    assert letterbox.newest["To"].addresses[0].addr_spec == MEI.email
    assert "已有账户" in letterbox.newest["Subject"]
    assert "somebody" not in letterbox.text()
    assert letterbox.link(settings.url) == "/zh/login"


async def test_a_new_address_gets_the_link_and_the_old_one_is_told(
    client: Visitor, db: Database, settings: Settings, workshop: Workshop, letterbox: Letterbox
) -> None:
    await customer(db, LIN)
    await sign_in(client, LIN)
    await submit(client, "/account/email", {"email": "new@example.com"})
    await keep_promises(db, workshop)
    to = [mail["To"].addresses[0].addr_spec for mail in letterbox.mails]
    assert to == ["new@example.com", "lin@example.com"]
    letterbox.mails.pop()
    await submit(client, letterbox.link(settings.url), {}, on="/account")
    await keep_promises(db, workshop)
    assert letterbox.newest["To"].addresses[0].addr_spec == "lin@example.com"
    assert "was changed" in letterbox.newest["Subject"]


async def test_the_last_mail_goes_to_an_address_the_shop_has_forgotten(
    client: Visitor, db: Database, workshop: Workshop, letterbox: Letterbox
) -> None:
    await customer(db, LIN)
    await sign_in(client, LIN)
    await submit(client, "/account/erasure", {"understood": "y"})
    await keep_promises(db, workshop)
    assert letterbox.newest["To"].addresses[0].addr_spec == "lin@example.com"
    assert "is erased" in letterbox.newest["Subject"]


@pytest.mark.parametrize("kind", NOTICES)
@pytest.mark.parametrize("person", [LIN, MEI], ids=["English", "Chinese"])
async def test_every_notice_says_what_happened_in_the_owners_language(
    db: Database, workshop: Workshop, letterbox: Letterbox, kind: Any, person: Any
) -> None:
    account: Account = await customer(db, person)
    await tasks.send_security_notice(workshop, HELD, account_id=account.id, kind=kind)
    is_chinese = bool(re.search("[一-鿿]", letterbox.newest["Subject"].replace("天天生鲜", "")))
    assert is_chinese == (person is MEI)
    html = letterbox.newest.get_body(("html",))
    assert html is not None
    assert "/password-reset" in html.get_content()


POISON = (
    {"X-Forwarded-Host": "evil.example"},
    {"X-Forwarded-Server": "evil.example"},
    {"X-Forwarded-Proto": "https"},
    {"X-Forwarded-Prefix": "/evil"},
    {"X-Original-Host": "evil.example"},
    {"X-Original-URL": "http://evil.example/"},
    {"X-Rewrite-URL": "http://evil.example/"},
    {"X-Host": "evil.example"},
    {"X-HTTP-Host-Override": "evil.example"},
    {"Forwarded": "host=evil.example;proto=https"},
    {"Referer": "https://evil.example/"},
    {"Host": "evil.example"},
    {"Host": "localhost:80@evil.example"},
)


async def test_s16_no_header_bends_the_link_in_a_mail(
    client: Visitor, db: Database, settings: Settings, workshop: Workshop, letterbox: Letterbox
) -> None:
    await customer(db, LIN)
    for n, headers in enumerate(POISON):
        async with db.transaction() as conn:
            email = f"lin{n}@example.com"
            await conn.execute("UPDATE accounts SET email = %(email)s, email_key = %(email)s", {"email": email})
        answer = await client.post("/password-reset", data={"email": email}, headers=headers, allow_redirects=False)
        assert answer.status == (400 if "Host" in headers else 303), headers
        await keep_promises(db, workshop)
        if answer.status == 303:
            assert letterbox.link(settings.url).startswith("/password-reset/")
            assert "evil" not in letterbox.newest.as_string()
    assert len(letterbox.mails) == len(POISON) - 2
