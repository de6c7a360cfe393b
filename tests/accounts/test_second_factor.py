"""A code from the app after the password: set-up, use, loss, removal."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
import time_machine

from shop import totp
from shop.accounts.models import Account
from shop.accounts.security.second_factor.service import CUSTOMERS
from shop.db import Database
from shop.sealing import KeyRing
from shop.settings import Settings
from tests.conftest import Visitor
from tests.world import LIN, PASSWORD, customer, sign_in, submit

TICKET = re.compile(r'name="ticket" value="([^"]+)"')
CODE = re.compile(r"<li><code>([a-z2-7-]{19})</code></li>")


def test_codes_are_those_of_rfc_6238() -> None:
    # Appendix B, SHA-1, the last six of the eight digits there.
    secret = b"12345678901234567890"
    known = {59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037"}
    assert {at: totp.code_at(secret, at // 30) for at in known} == known


def test_a_code_lives_a_step_before_and_after_and_is_used_once() -> None:
    secret, now = totp.new_secret(), 1_800_000_015.0
    step = int(now // 30)
    found = [totp.matching_step(secret, totp.code_at(secret, step + n), after=0, now=now) for n in (-2, -1, 0, 1, 2)]
    assert found == [None, step - 1, step, step + 1, None]
    assert totp.matching_step(secret, totp.code_at(secret, step), after=step, now=now) is None
    for wrong in ("", "12345", "1234567", "abcdef", "１２３４５６"):
        assert totp.matching_step(secret, wrong, after=0, now=now) is None


async def secret(db: Database, settings: Settings, account: Account) -> bytes:
    async with db.read() as conn:
        factor = await CUSTOMERS.of(conn, account.id)
    assert factor is not None
    return CUSTOMERS.secret_of(KeyRing(settings.secret_keys, "second-factor"), factor)


def code(of: bytes, steps: int = 0) -> str:
    return totp.code_at(of, int(time.time() // 30) + steps)


async def switched_on(client: Visitor, db: Database, settings: Settings, account: Account) -> tuple[bytes, list[str]]:
    """Set the second factor up as a customer does; the secret and the recovery codes."""
    await sign_in(client, LIN)
    await submit(client, "/account/second-factor/secret", {}, on="/account/second-factor")
    shared = await secret(db, settings, account)
    page = await (await submit(client, "/account/second-factor", {"code": code(shared, -1)})).text()
    return shared, CODE.findall(page)


async def first_step(visitor: Visitor, **more: str) -> str:
    """The right password; the ticket for the code."""
    answer = await submit(visitor, "/login", {"login": "lin", "password": PASSWORD, **more})
    page = await answer.text()
    assert answer.status == 200
    assert "Set-Cookie" not in answer.headers
    assert answer.headers["Cache-Control"] == "no-store"
    found = TICKET.search(page)
    assert found
    return found[1]


async def second_step(visitor: Visitor, ticket: str, typed: str) -> Any:
    return await visitor.post("/login/code", data={"ticket": ticket, "code": typed}, allow_redirects=False)


async def test_setting_it_up_shows_a_picture_and_codes_once(client: Visitor, db: Database, settings: Settings) -> None:
    account = await customer(db, LIN)
    await sign_in(client, LIN)
    assert (await client.get("/account/second-factor/code.svg")).status == 404
    await submit(client, "/account/second-factor/secret", {}, on="/account/second-factor")
    picture = await client.get("/account/second-factor/code.svg")
    assert (picture.content_type, picture.headers["Cache-Control"]) == ("image/svg+xml", "no-store")
    assert (await picture.read()).startswith(b"<?xml")
    shared = await secret(db, settings, account)
    assert totp.readable(shared) in await (await client.get("/account/second-factor")).text()
    wrong = await submit(client, "/account/second-factor", {"code": "000000"})
    assert wrong.status == 422
    answer = await submit(client, "/account/second-factor", {"code": code(shared)})
    codes = CODE.findall(await answer.text())
    assert (answer.status, len(set(codes))) == (200, 10)
    page = await (await client.get("/account/second-factor")).text()
    assert totp.readable(shared) not in page
    assert not CODE.findall(page)
    assert (await client.get("/account/second-factor/code.svg")).status == 404


async def test_the_secret_is_sealed_and_recovery_codes_are_hashed(
    client: Visitor, db: Database, settings: Settings
) -> None:
    account = await customer(db, LIN)
    shared, codes = await switched_on(client, db, settings, account)
    async with db.read() as conn:
        sealed = bytes(await conn.fetch_value("SELECT sealed_secret FROM second_factors"))
        hashes = [bytes(row.code_hash) for row in await conn.fetch_all("SELECT code_hash FROM recovery_codes")]
    assert shared not in sealed
    assert len(hashes) == 10
    assert not any(one.encode() in each or one.replace("-", "").encode() in each for one in codes for each in hashes)


async def test_s63_the_code_opens_what_the_password_alone_does_not(
    client: Visitor, new_visitor: Any, db: Database, settings: Settings
) -> None:
    account = await customer(db, LIN)
    shared, _ = await switched_on(client, db, settings, account)
    visitor = await new_visitor()
    ticket = await first_step(visitor, next="/account/security")
    assert (await visitor.get("/account", allow_redirects=False)).status == 303
    answer = await second_step(visitor, ticket, code(shared))
    assert (answer.status, answer.headers["Location"]) == (303, "/account/security")
    assert (await visitor.get("/account", allow_redirects=False)).status == 200


async def test_s63_a_code_is_good_once(client: Visitor, new_visitor: Any, db: Database, settings: Settings) -> None:
    account = await customer(db, LIN)
    shared, _ = await switched_on(client, db, settings, account)
    first, second = await new_visitor(), await new_visitor()
    same = code(shared, 1)
    assert (await second_step(first, await first_step(first), same)).status == 303
    answer = await second_step(second, await first_step(second), same)
    assert answer.status == 422
    assert "used already" in await answer.text()
    assert "Set-Cookie" not in answer.headers


async def test_a_recovery_code_opens_the_account_once_and_the_owner_is_told(
    client: Visitor, new_visitor: Any, db: Database, settings: Settings
) -> None:
    account = await customer(db, LIN)
    _, codes = await switched_on(client, db, settings, account)
    visitor = await new_visitor()
    typed = codes[3].upper().replace("-", " ")
    assert (await second_step(visitor, await first_step(visitor), typed)).status == 303
    other = await new_visitor()
    assert (await second_step(other, await first_step(other), codes[3])).status == 422
    async with db.read() as conn:
        kinds = [row.kind for row in await conn.fetch_all("SELECT args->>'kind' AS kind FROM outbox ORDER BY id")]
        used = await conn.fetch_value("SELECT count(*) FROM recovery_codes WHERE used_at IS NOT NULL")
    assert (kinds, used) == (["second_factor_on", "recovery_code_used"], 1)


async def test_five_tries_in_five_minutes(client: Visitor, new_visitor: Any, db: Database, settings: Settings) -> None:
    account = await customer(db, LIN)
    shared, _ = await switched_on(client, db, settings, account)
    visitor = await new_visitor()
    ticket = await first_step(visitor)
    statuses = [(await second_step(visitor, ticket, "000000")).status for _ in range(6)]
    assert statuses == [422] * 5 + [429]
    assert (await second_step(visitor, ticket, code(shared))).status == 429


async def test_a_ticket_is_short_lived_and_dies_with_the_password(
    client: Visitor, new_visitor: Any, db: Database, settings: Settings
) -> None:
    account = await customer(db, LIN)
    shared, _ = await switched_on(client, db, settings, account)
    visitor = await new_visitor()
    with time_machine.travel(time.time() - 301):
        old = await first_step(visitor)
    fresh = await first_step(visitor)
    await submit(client, "/account/password", {"password": "osmanthus-in-october"})
    for ticket in (old, fresh, "forged", ""):
        answer = await second_step(visitor, ticket, code(shared))
        assert (answer.status, answer.headers["Location"]) == (303, "/login")
    assert (await visitor.get("/account", allow_redirects=False)).status == 303


async def test_it_can_be_switched_off(client: Visitor, new_visitor: Any, db: Database, settings: Settings) -> None:
    account = await customer(db, LIN)
    await switched_on(client, db, settings, account)
    answer = await submit(client, "/account/second-factor/removal", {}, on="/account/second-factor")
    assert (answer.status, answer.headers["Location"]) == (303, "/account/security")
    await sign_in(await new_visitor(), LIN)
    async with db.read() as conn:
        assert await conn.fetch_value("SELECT count(*) FROM recovery_codes") == 0


async def test_new_recovery_codes_replace_the_old(
    client: Visitor, new_visitor: Any, db: Database, settings: Settings
) -> None:
    account = await customer(db, LIN)
    _, old = await switched_on(client, db, settings, account)
    answer = await submit(client, "/account/second-factor/recovery-codes", {}, on="/account/second-factor")
    new = CODE.findall(await answer.text())
    assert len(new) == 10
    assert not set(old) & set(new)
    visitor = await new_visitor()
    ticket = await first_step(visitor)
    assert (await second_step(visitor, ticket, old[0])).status == 422
    assert (await second_step(visitor, ticket, new[0])).status == 303


async def test_a_secret_in_use_is_not_replaced(client: Visitor, db: Database, settings: Settings) -> None:
    account = await customer(db, LIN)
    shared, _ = await switched_on(client, db, settings, account)
    await submit(client, "/account/second-factor/secret", {}, on="/account/second-factor")
    assert await secret(db, settings, account) == shared


@pytest.mark.parametrize("position", [0, -1])
async def test_s58_the_key_ring_turns_without_locking_anybody_out(
    client: Visitor, db: Database, settings: Settings, position: int
) -> None:
    account = await customer(db, LIN)
    shared, _ = await switched_on(client, db, settings, account)
    async with db.read() as conn:
        factor = await CUSTOMERS.of(conn, account.id)
    assert factor is not None
    rings = [(b"n" * 32, *settings.secret_keys), (*settings.secret_keys, b"o" * 32)]
    assert CUSTOMERS.secret_of(KeyRing(rings[position], "second-factor"), factor) == shared
