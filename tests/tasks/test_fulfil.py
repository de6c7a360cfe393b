"""A task takes the row, sends the mail and closes the row; whatever happens between, the mail is not lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from shop import breakers, outbox
from shop.db import Database, DbUnavailable
from shop.mail import Mailer
from shop.mailroom.models import SentMail
from shop.settings import Settings
from shop.tokens import Tokens
from shop.urls import Urls
from tasks import runtime
from tasks.mail import send_activation
from tasks.runtime import Workshop, fulfil
from tests.tasks.conftest import Registered, leases_run_out, outbox_rows, until
from tests.tasks.crew import MailServer


@pytest.fixture
def workshop(mail_settings: Settings, db: Database) -> Workshop:
    urls = Urls(mail_settings.url, mail_settings.languages)
    return Workshop(mail_settings, db, urls, Tokens(mail_settings.secret_keys), Mailer.of(mail_settings))


@pytest.fixture
def work(workshop: Workshop, db: Database) -> Callable[..., Awaitable[int]]:
    """Do what relay and worker do with everything that is due, once; return how many rows that were."""

    async def work(lease_seconds: float = 15) -> int:
        async with db.transaction() as conn:
            rows = await breakers.claim_probes(conn) + await outbox.claim(conn, 1000)
        for row_id, _ in rows:
            await fulfil(workshop, row_id, send_activation, lease_seconds)
        return len(rows)

    return work


async def told(db: Database, column: str) -> list[object]:
    async with db.read() as conn:
        return [row[0] for row in await conn.fetch_all(f"SELECT {column} FROM outbox ORDER BY id")]


async def hurry(db: Database) -> None:
    async with db.read() as conn:
        await conn.execute("UPDATE outbox SET due_at = now(), held_until = NULL")
        await conn.execute("UPDATE outbox_breakers SET probe_at = now()")


async def test_a_mail_is_sent_once_however_often_its_message_comes(
    workshop: Workshop, db: Database, registered: Registered, mail_server: MailServer
) -> None:
    await registered("lin", language="zh")
    for _ in range(3):
        await fulfil(workshop, 1, send_activation)
    (mail,) = mail_server.mails
    async with db.read() as conn:
        (kept,) = await SentMail.objects.using(conn)
    assert (kept.task, list(kept.args)) == ("tasks.mail.send_activation", ["registration_id"])
    assert mail["Subject"].startswith("请验证您在")
    assert f"{workshop.settings.url}/zh/activation/" in mail.get_body(("plain",)).get_content()
    assert await outbox_rows(db) == 0


async def test_who_is_active_or_gone_gets_no_activation_mail(
    work: Callable[..., Awaitable[int]], db: Database, registered: Registered, mail_server: MailServer
) -> None:
    await registered("lin")
    async with db.transaction() as conn:
        await conn.execute("UPDATE accounts SET activated_at = now()")
        await outbox.promise(conn, "tasks.mail.send_activation", registration_id=404)
        await outbox.promise(conn, "tasks.mail.send_activation", registration_id=None)
    assert await work() == 3
    assert (mail_server.mails, await outbox_rows(db)) == ([], 0)


async def test_f_m2_451_is_tried_again_later_with_the_same_message_id(
    work: Callable[..., Awaitable[int]], db: Database, registered: Registered, mail_server: MailServer
) -> None:
    await registered("lin")
    tried = []
    mail_server.answer = lambda receiver: tried.append(receiver) or "451 greylisted"
    reference = await told(db, "reference")
    assert await work() == 1
    assert await work() == 0
    assert await told(db, "last_error") == ["MailDeferred: 451 greylisted"]
    assert await told(db, "due_at BETWEEN now() + interval '8 s' AND now() + interval '12 s'") == [True]
    mail_server.answer = lambda receiver: "250 OK"
    await hurry(db)
    assert await work() == 1
    assert [mail["Message-ID"] for mail in mail_server.mails] == [f"<{reference[0]}@localhost>"]
    assert (tried, await told(db, "id")) == (["lin@example.com"], [])


async def test_f_m2_550_is_a_dead_letter_at_once(
    work: Callable[..., Awaitable[int]], db: Database, registered: Registered, mail_server: MailServer
) -> None:
    await registered("lin")
    await registered("mei")
    mail_server.answer = lambda receiver: "550 no such user" if receiver.startswith("lin") else "250 OK"
    await work()
    assert await told(db, "last_error") == ["MailRefused: 550 no such user"]
    assert await told(db, "buried_at IS NOT NULL") == [True]
    assert len(mail_server.to("mei@example.com")) == 1
    await hurry(db)
    assert await work() == 0


async def test_f_m1_while_the_server_is_away_one_mail_asks_and_then_all_go(
    work: Callable[..., Awaitable[int]], db: Database, registered: Registered, mail_server: MailServer
) -> None:
    mail_server.shut()
    for number in range(30):
        await registered(f"shopper{number}")
    await work()
    assert await told(db, "attempts") == [0] * 30
    assert await work() == 0
    for _ in range(3):
        await hurry(db)
        assert await work() == 1
    assert await told(db, "buried_at IS NULL") == [True] * 30
    mail_server.open()
    await hurry(db)
    assert await work() == 1
    assert await work() == 29
    assert len(mail_server.mails) == len({mail["To"] for mail in mail_server.mails}) == 30
    assert await outbox_rows(db) == 0


async def test_f_m1_a_server_that_closes_is_not_the_mails_fault(
    work: Callable[..., Awaitable[int]], db: Database, registered: Registered, mail_server: MailServer
) -> None:
    await registered("lin")
    mail_server.answer = lambda receiver: "421 closing"
    for _ in range(12):
        await hurry(db)
        await work()
    assert await told(db, "attempts, buried_at") == [0]
    mail_server.answer = lambda receiver: "250 OK"
    await hurry(db)
    await work()
    assert len(mail_server.mails) == 1


async def test_f_c3_a_crash_between_250_and_the_close_costs_one_mail_with_the_same_id(
    work: Callable[..., Awaitable[int]],
    workshop: Workshop,
    db: Database,
    registered: Registered,
    mail_server: MailServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def die(*_: object) -> None:
        raise asyncio.CancelledError

    await registered("lin")
    with monkeypatch.context() as crash:
        crash.setattr(runtime, "_close", die)
        with pytest.raises(asyncio.CancelledError):
            await fulfil(workshop, 1, send_activation, 60)
    assert await work() == 0
    await leases_run_out(db)
    assert await work() == 1
    first, second = mail_server.mails
    assert first["Message-ID"] == second["Message-ID"]
    assert await outbox_rows(db) == 0


async def test_a_database_that_is_away_after_250_is_asked_again(
    workshop: Workshop, db: Database, registered: Registered, mail_server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([DbUnavailable("away"), DbUnavailable("away"), None])
    close_once = runtime._close_once

    async def close(*arguments: object) -> None:
        if problem := next(answers):
            raise problem
        await close_once(*arguments)

    monkeypatch.setattr(runtime, "_close_once", close)
    monkeypatch.setattr(runtime, "CLOSE_SECONDS", (0.01, 0.01, 0.01))
    await registered("lin")
    await fulfil(workshop, 1, send_activation)
    assert (len(mail_server.mails), await outbox_rows(db)) == (1, 0)


async def test_a_slow_server_keeps_the_row_in_the_same_hands(
    work: Callable[..., Awaitable[int]], workshop: Workshop, registered: Registered, mail_server: MailServer
) -> None:
    await registered("lin")
    mail_server.goes_on.clear()
    sending = asyncio.create_task(fulfil(workshop, 1, send_activation, 1))
    await until(mail_server.began.is_set)
    for _ in range(4):
        await asyncio.sleep(0.4)
        assert await work() == 0
    mail_server.goes_on.set()
    await sending
    assert len(mail_server.mails) == 1


async def test_who_has_lost_the_row_stops(
    workshop: Workshop, db: Database, registered: Registered, mail_server: MailServer
) -> None:
    await registered("lin")
    mail_server.goes_on.clear()
    sending = asyncio.create_task(fulfil(workshop, 1, send_activation, 0.3))
    await until(mail_server.began.is_set)
    async with db.read() as conn:
        await conn.execute("UPDATE outbox SET lease = gen_random_uuid(), held_until = now() + interval '1 min'")
    async with asyncio.timeout(2):
        await sending
    assert await told(db, "attempts, last_error") == [1]
    assert await told(db, "last_error") == [None]


async def test_s70_an_address_that_no_mail_can_have_is_a_dead_letter(
    work: Callable[..., Awaitable[int]], db: Database, registered: Registered, mail_server: MailServer
) -> None:
    await registered("lin")
    async with db.read() as conn:
        await conn.execute("UPDATE accounts SET email = E'lin@example.com\\r\\nBcc: all@example.com'")
    await work()
    assert await told(db, "buried_at IS NOT NULL") == [True]
    assert (mail_server.mails, mail_server.sessions) == ([], 0)


async def test_c6_a_task_that_fails_is_tried_again(workshop: Workshop, db: Database, registered: Registered) -> None:
    async def stumble(*_: object, **__: object) -> None:
        raise KeyError("name")

    await registered("lin")
    await fulfil(workshop, 1, stumble)
    assert await told(db, "last_error") == ["KeyError: 'name'"]
    assert await told(db, "attempts") == [1]
    assert await told(db, "due_at > now()") == [True]


async def test_a_task_that_hangs_is_ended(
    workshop: Workshop, db: Database, registered: Registered, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(*_: object, **__: object) -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr(runtime, "TASK_LIMIT", 0.1)
    await registered("lin")
    await fulfil(workshop, 1, hang)
    assert await told(db, "last_error") == ["TimeoutError: "]
