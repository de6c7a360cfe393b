"""The way in: an invitation, a password, a code from the app; no code twice, no second chance for stolen ones."""

from __future__ import annotations

import asyncio
import base64
import re
import time
from collections.abc import Awaitable, Callable
from ipaddress import IPv4Network
from typing import Any
from uuid import uuid4

import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient

from shop import totp
from shop.app import create_app
from shop.backoffice.audit.models import AuditEntry
from shop.backoffice.staff.models import StaffRecoveryCode, StaffSecondFactor, StaffSession
from shop.db import Database
from shop.mail import Mailer
from shop.outbox import Lease, Outbox
from shop.settings import Settings, SettingsError
from shop.tokens import Tokens
from shop.urls import Urls
from shop.web.side import BACKOFFICE
from tasks import staff_mail
from tasks.runtime import Workshop
from tests.accounts.test_mails import Letterbox
from tests.backoffice.cast import at_work, employee
from tests.servers import ShopServer, leave
from tests.world import CSRF, PASSWORD, submit

Visitor = TestClient[web.Request, web.Application]
LOGIN = "/backoffice/login"
TICKET = re.compile(r'name="ticket" value="([^"]+)"')
SECRET = re.compile(r'<code class="secret">([A-Z2-7 ]+)</code>')


def now(offset: int = 0) -> int:
    return int(time.time() // totp.STEP_SECONDS) + offset


async def set_up(visitor: Visitor, page: str, step: int) -> tuple[bytes, ClientResponse]:
    """Read the secret off the page as an app would, and answer with its code."""
    found, ticket = SECRET.search(page), TICKET.search(page)
    assert found is not None, page
    assert ticket is not None
    secret = base64.b32decode(found[1].replace(" ", ""))
    fields = {"ticket": ticket[1], "code": totp.code_at(secret, step)}
    return secret, await visitor.post(f"{LOGIN}/setup", data=fields, allow_redirects=False)


async def enter(visitor: Visitor, email: str, code: str) -> ClientResponse:
    """Sign in with password and code."""
    page = await (await submit(visitor, LOGIN, {"email": email, "password": PASSWORD})).text()
    ticket = TICKET.search(page)
    assert ticket is not None, page
    token = CSRF.search(page)
    fields = {"ticket": ticket[1], "code": code, **({"csrf_token": token[1]} if token else {})}
    return await visitor.post(f"{LOGIN}/code", data=fields, allow_redirects=False)


async def is_in(visitor: Visitor) -> bool:
    return (await visitor.get(BACKOFFICE, allow_redirects=False)).status == 200


async def deeds(db: Database) -> list[str]:
    async with db.read() as conn:
        return [entry.action for entry in await AuditEntry.objects.using(conn).order_by("id")]


async def test_s63_an_invitation_leads_in_and_its_link_works_once(
    db: Database, settings: Settings, new_visitor: Callable[[], Awaitable[Visitor]]
) -> None:
    owner, newcomer = await new_visitor(), await new_visitor()
    await at_work(owner, db, "staff")
    async with db.read() as conn:
        role = await conn.fetch_value("SELECT id FROM roles WHERE code = 'packer'")
    told = {"name": "Pan", "email": "pan@dailyfresh.example", "role": str(role), "language": "zh"}
    answer = await submit(owner, "/backoffice/staff/new", told)
    assert answer.status == 303

    letterbox = Letterbox()
    urls, tokens = Urls(settings.url, settings.languages), Tokens(settings.secret_keys)
    shop = Workshop(settings, db, urls, tokens, Mailer(settings, letterbox))
    async with db.read() as conn:
        (promise,) = await Outbox.objects.using(conn).filter(task="tasks.mail.send_staff_invitation")
    held = Lease(id=1, lease=uuid4(), reference=uuid4(), task=promise.task, args=promise.args, attempts=1)
    await staff_mail.send_staff_invitation(shop, held, **promise.args)
    assert str(letterbox.newest["To"]) == "Pan <pan@dailyfresh.example>"
    assert "后台" in str(letterbox.newest["Subject"])
    link = letterbox.link(settings.url)
    assert link.startswith("/zh/backoffice/invitations/")

    assert not await is_in(newcomer)
    refused = await submit(newcomer, link, {"password": "short"})
    assert refused.status == 422
    page = await (await submit(newcomer, link, {"password": PASSWORD})).text()
    assert not await is_in(newcomer)
    _, answer = await set_up(newcomer, page, now())
    codes = re.findall(r"<li><code>([a-z2-7-]+)</code>", await answer.text())
    assert len(codes) == 10
    assert await is_in(newcomer)
    assert (await newcomer.get(link)).status == 404
    assert await deeds(db) == ["staff.invited", "staff.accepted", "staff.second_factor_on", "staff.signed_in"]


async def test_s63_a_code_opens_once_and_a_recovery_code_once(
    db: Database, client: Visitor, new_visitor: Callable[[], Awaitable[Visitor]]
) -> None:
    rose = await employee(db, "orders")
    page = await (await submit(client, LOGIN, {"email": rose.email, "password": PASSWORD})).text()
    secret, answer = await set_up(client, page, now(-1))
    spare = re.findall(r"<li><code>([a-z2-7-]+)</code>", await answer.text())[0]
    async with db.read() as conn:
        factor = await StaffSecondFactor.objects.using(conn).get(account_id=rose.id)
        kept = await StaffRecoveryCode.objects.using(conn).filter(account_id=rose.id)
    assert secret not in bytes(factor.sealed_secret)
    assert all(spare.encode() not in bytes(code.code_hash) for code in kept)

    code = totp.code_at(secret, now())
    for one, is_right in ((code, True), (code, False), (totp.code_at(secret, now() - 3), False), ("000000", False)):
        visitor = await new_visitor()
        answer = await enter(visitor, rose.email, one)
        assert (answer.status == 303, await is_in(visitor)) == (is_right, is_right), one
    for is_right in (True, False):
        visitor = await new_visitor()
        await enter(visitor, rose.email, spare)
        assert await is_in(visitor) == is_right
    told = await deeds(db)
    assert (told.count("staff.signed_in"), told.count("staff.failed"), told.count("staff.recovery_code_used")) == (
        3,
        4,
        1,
    )


async def test_s63_a_password_alone_opens_nothing_and_guesses_end(db: Database, client: Visitor) -> None:
    rose = await employee(db, "orders")
    wrong = [await submit(client, LOGIN, {"email": rose.email, "password": f"guess {n}"}) for n in range(10)]
    assert {answer.status for answer in wrong} == {422}
    answer = await submit(client, LOGIN, {"email": rose.email, "password": PASSWORD})
    assert (answer.status, "Retry-After" in answer.headers) == (429, True)
    async with db.read() as conn:
        assert await StaffSession.objects.using(conn).count() == 0


async def test_s63_a_forged_ticket_or_one_of_an_older_password_is_worth_nothing(db: Database, client: Visitor) -> None:
    rose = await employee(db, "orders")
    page = await (await submit(client, LOGIN, {"email": rose.email, "password": PASSWORD})).text()
    async with db.transaction() as conn:
        await conn.execute("UPDATE staff SET password_hash = 'another'")
    for ticket in ("", "forged", TICKET.findall(page)[0]):
        for step in ("code", "setup"):
            answer = await client.post(
                f"{LOGIN}/{step}", data={"ticket": ticket, "code": "123456"}, allow_redirects=False
            )
            assert (answer.status, answer.headers["Location"]) == (303, LOGIN)
    assert not await is_in(client)


async def test_s15_sessions_of_staff_end_after_thirty_minutes_and_after_twelve_hours(
    db: Database, client: Visitor
) -> None:
    for change in ("last_seen_at = now() - interval '31 minutes'", "expires_at = now()"):
        await at_work(client, db, "orders", name=f"Rose{len(change)}")
        assert await is_in(client)
        async with db.transaction() as conn:
            longest = await conn.fetch_value("SELECT max(expires_at - signed_in_at) FROM staff_sessions")
            assert longest.total_seconds() == 12 * 3600
            await conn.execute(f"UPDATE staff_sessions SET {change}")
        assert not await is_in(client)


async def test_s62_outside_the_named_networks_there_is_no_back_office(settings: Settings, clean: None) -> None:
    elsewhere = settings.model_copy(update={"staff_networks": (IPv4Network("10.0.0.0/8"),)})
    app = await asyncio.to_thread(create_app, elsewhere)
    async with ShopServer(app, port=settings.port) as server:
        visitor: Any = TestClient(server)
        for path in (LOGIN, BACKOFFICE, "/zh/backoffice", "/backoffice/nothing", f"{BACKOFFICE}/"):
            answer = await visitor.get(path, allow_redirects=False)
            assert (answer.status, answer.headers["Cache-Control"]) == (404, "no-store"), path
        assert (await visitor.get("/login")).status == 200
        await leave(visitor)


def test_s63_the_second_factor_is_relaxed_only_in_development(settings: Settings) -> None:
    told: dict[str, Any] = {**dict(settings), "staff_second_factor": "relaxed"}
    assert Settings.of(**told).staff_second_factor == "relaxed"
    with pytest.raises(SettingsError, match="SHOP_STAFF_SECOND_FACTOR"):
        Settings.of(**{**told, "development": False, "mail_url": "smtp://localhost"})
