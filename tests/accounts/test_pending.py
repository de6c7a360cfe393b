"""Somebody registers an address that is not theirs: its owner never opens an account with a stranger's password."""

from __future__ import annotations

from typing import Any

from aiohttp import ClientResponse

from shop.accounts.models import PendingRegistration
from shop.accounts.registration.service import PENDING_AT_MOST, activation_token, register
from shop.accounts.security.models import Origin
from shop.db import Database
from shop.settings import Settings
from shop.tokens import Tokens
from tests.accounts.test_registration import accounts, filled, promised_mails, promises, waiting
from tests.conftest import Visitor
from tests.world import LIN, PASSWORD, customer, submit

EVES = {"username": "lin.the.real", "password": "the-impostors-choice"}


def link(settings: Settings, registration: PendingRegistration) -> str:
    return f"/activation/{activation_token(Tokens(settings.secret_keys), registration)}"


async def sign_in(visitor: Visitor, login: str, password: str) -> ClientResponse:
    return await submit(visitor, "/login", {"login": login, "password": password})


async def opened(db: Database) -> tuple[str, bool]:
    """(user name of the only account, whether it is open)."""
    [account] = await accounts(db)
    return account.username, account.activated_at is not None


async def test_a_stranger_registers_after_the_owner_and_the_owners_link_opens_what_the_owner_chose(
    client: Visitor, new_visitor: Any, db: Database, settings: Settings
) -> None:
    await submit(client, "/register", filled(LIN))
    await submit(await new_visitor(), "/register", filled(LIN, **EVES))
    lins, eves = [link(settings, registration) for registration in await waiting(db)]
    assert "Hello lin," in await (await client.get(lins)).text()
    assert (await submit(client, lins, {})).headers["Location"] == "/account"
    assert await opened(db) == ("lin", True)
    assert await waiting(db) == []
    stranger = await new_visitor()
    for answer in (await stranger.get(eves), await stranger.post(eves, allow_redirects=False)):
        assert answer.status == 422
        assert "this link opens nothing any more" in await answer.text()
        assert "Set-Cookie" not in answer.headers
    for login in (EVES["username"], "lin", LIN.email):
        assert (await sign_in(stranger, login, EVES["password"])).status == 422
    assert (await sign_in(stranger, "lin", PASSWORD)).status == 303


async def test_a_stranger_registers_before_the_owner_and_gains_nothing(
    client: Visitor, new_visitor: Any, db: Database, settings: Settings
) -> None:
    await submit(await new_visitor(), "/register", filled(LIN, **EVES))
    await submit(client, "/register", filled(LIN))
    eves, lins = [link(settings, registration) for registration in await waiting(db)]
    assert f"Hello {EVES['username']}," in await (await client.get(eves)).text()
    await submit(client, lins, {})
    assert await opened(db) == ("lin", True)
    stranger = await new_visitor()
    assert (await stranger.post(eves, allow_redirects=False)).status == 422
    assert (await sign_in(stranger, LIN.email, EVES["password"])).status == 422
    assert (await sign_in(stranger, LIN.email, PASSWORD)).status == 303


async def test_each_mail_and_each_mail_had_again_belongs_to_one_registration(client: Visitor, db: Database) -> None:
    await submit(client, "/register", filled(LIN))
    await submit(client, "/register", filled(LIN, **EVES))
    lins, eves = [registration.id for registration in await waiting(db)]
    await submit(client, "/activation", {"email": LIN.email})
    assert await promised_mails(db) == [lins, eves, eves, lins]
    assert len(await promises(db)) == 2 + PENDING_AT_MOST


async def test_before_the_mail_is_answered_each_is_told_to_activate_only_with_the_own_password(
    client: Visitor, db: Database
) -> None:
    await submit(client, "/register", filled(LIN))
    await submit(client, "/register", filled(LIN, **EVES))
    for login, password in (("lin", PASSWORD), (EVES["username"], EVES["password"])):
        assert "Your account is not open yet" in await (await sign_in(client, login, password)).text()
    for login, password in (("lin", EVES["password"]), (EVES["username"], PASSWORD)):
        assert "Your account is not open yet" not in await (await sign_in(client, login, password)).text()


async def test_asking_for_a_new_password_leaves_the_activation_link_alone(
    client: Visitor, db: Database, settings: Settings
) -> None:
    await submit(client, "/register", filled(LIN))
    await submit(client, "/password-reset", {"email": LIN.email})
    assert (await submit(client, link(settings, (await waiting(db))[0]), {})).status == 303
    assert await opened(db) == ("lin", True)


async def test_who_registers_for_an_open_account_leaves_nothing_behind(client: Visitor, db: Database) -> None:
    await customer(db, LIN)
    await submit(client, "/register", filled(LIN, **EVES))
    assert await waiting(db) == []


async def test_an_address_keeps_a_few_registrations_and_none_for_ever(db: Database) -> None:
    async def come(name: str, email: str) -> None:
        async with db.transaction() as conn:
            await register(conn, username=name, email=email, password_hash="x", language="en", origin=Origin())

    for n in range(PENDING_AT_MOST + 2):
        await come(f"somebody{n}", LIN.email)
    assert [registration.username for registration in await waiting(db)] == ["somebody2", "somebody3", "somebody4"]
    async with db.transaction() as conn:
        await conn.execute("UPDATE pending_registrations SET created_at = now() - interval '31 days'")
    await come("mei", "mei@example.com")
    assert await waiting(db) == []
