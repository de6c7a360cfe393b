"""Nobody learns who is a customer: not from the words, not from the status, not from what the shop has to do for the answer."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shop import passwords
from shop.accounts.models import identity_key
from shop.db import Database
from shop.db.engine import Connection
from tests.conftest import Visitor
from tests.world import EVE, LIN, PASSWORD, customer, submit

# What the process asks by itself, whatever anybody does.
BACKGROUND = re.compile(r"cache_changes|revoked_at >")
FLEETING = {"Date", "X-Request-ID", "Set-Cookie", "Content-Length"}


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every statement and every hash, in order, without the values."""
    done: list[str] = []
    run, hashed, verified = Connection._run, passwords.hash_password, passwords.verify_password

    async def _run(self: Connection, statement: Any, params: Any) -> Any:
        if not BACKGROUND.search(str(statement)):
            done.append(re.sub(r"\s+", " ", str(statement)))
        return await run(self, statement, params)

    def noting(what: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def noted(*given: Any) -> Any:
            done.append(what)
            return function(*given)

        return noted

    monkeypatch.setattr(Connection, "_run", _run)
    monkeypatch.setattr(passwords, "hash_password", noting("hash", hashed))
    monkeypatch.setattr(passwords, "verify_password", noting("verify", verified))
    return done


async def sent(visitor: Visitor, path: str, fields: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
    """What an answer is made of, apart from what changes from second to second."""
    answer = await visitor.post(path, data=fields, allow_redirects=False)
    headers = {name: value for name, value in answer.headers.items() if name not in FLEETING}
    return answer.status, headers, await answer.read()


@pytest.mark.parametrize("is_active", [True, False])
async def test_s1_registering_a_known_address_is_answered_as_any_other(
    client: Visitor, db: Database, work: list[str], is_active: bool
) -> None:
    await customer(db, LIN, active=is_active)
    seen = []
    for name, email in (("first", LIN.email), ("second", EVE.email)):
        work.clear()
        fields = {"username": name, "email": email, "password": PASSWORD, "consent": "y"}
        seen.append((await sent(client, "/register", fields), list(work)))
    assert seen[0] == seen[1]
    assert seen[0][1].count("hash") == 1
    async with db.read() as conn:
        tasks = [row.task for row in await conn.fetch_all("SELECT task FROM outbox ORDER BY id")]
    known = "tasks.mail.send_already_registered" if is_active else "tasks.mail.send_activation"
    assert tasks == [known, "tasks.mail.send_activation"]


async def test_s1_the_account_that_was_there_stays_as_it_is(client: Visitor, db: Database) -> None:
    before = await customer(db, LIN)
    fields = {"username": "intruder", "email": "LIN@EXAMPLE.COM", "password": "the-intruders-choice", "consent": "y"}
    assert (await submit(client, "/register", fields)).status == 303
    async with db.read() as conn:
        [row] = await conn.fetch_all("SELECT * FROM accounts")
    assert (row.username, row.email, row.password_hash, row.link_serial) == (
        before.username,
        before.email,
        before.password_hash,
        before.link_serial,
    )


async def test_s1_asking_twice_reveals_nothing(client: Visitor, db: Database) -> None:
    await customer(db, LIN)
    answers = []
    for name, email in (("with-known", LIN.email), ("with-new", EVE.email)):
        fields = {"username": name, "email": email, "password": PASSWORD, "consent": "y"}
        assert (await submit(client, "/register", fields)).status == 303
        again = await submit(client, "/register", fields | {"email": "somebody@example.com"})
        answers.append((again.status, (await again.text()).replace(name, "")))
    assert answers[0] == answers[1]
    assert "This user name is taken" in answers[0][1]


async def test_s10_an_unknown_user_costs_what_a_known_one_costs(client: Visitor, db: Database, work: list[str]) -> None:
    await customer(db, LIN)
    seen = []
    for login in ("lin", "nil"):
        work.clear()
        status, headers, body = await sent(client, "/login", {"login": login, "password": "wrong-password"})
        seen.append((status, headers, body.replace(f'value="{login}"'.encode(), b""), list(work)))
    assert seen[0] == seen[1]
    assert seen[0][3].count("verify") == 1


@pytest.mark.parametrize("path", ["/password-reset", "/activation"])
async def test_s17_asking_for_a_mail_costs_the_same_for_every_address(
    client: Visitor, db: Database, work: list[str], path: str
) -> None:
    await customer(db, LIN, active=path != "/activation")
    seen = []
    for person in (LIN, EVE):
        work.clear()
        seen.append((await sent(client, path, {"email": person.email}), list(work)))
    assert seen[0] == seen[1]


LOOK_ALIKES = [
    ("lin@example.com", "LIN@EXAMPLE.COM"),
    ("lin@example.com", "ｌｉｎ＠ｅｘａｍｐｌｅ．ｃｏｍ"),
    ("mike@example.com", "mi\u212ae@example.com"),  # the Kelvin sign
    ("strasse", "straße"),
    ("ﬁsh", "FISH"),
    ("Ⅷ", "viii"),
    ("é", "e\u0301"),
]


@pytest.mark.parametrize(("one", "other"), LOOK_ALIKES)
def test_s2_what_reads_the_same_is_the_same(one: str, other: str) -> None:
    assert identity_key(one) == identity_key(other)


@given(st.text(max_size=40))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_s2_an_identity_is_stable_under_case_and_repetition(text: str) -> None:
    key = identity_key(text)
    assert identity_key(key) == key
    assert identity_key(text.upper().lower()) == identity_key(text.lower().upper().lower())


async def test_s2_a_reset_goes_to_the_stored_address(client: Visitor, db: Database) -> None:
    account = await customer(db, LIN)
    await submit(client, "/password-reset", {"email": "ＬＩＮ@example.com"})
    async with db.read() as conn:
        args = await conn.fetch_value("SELECT args FROM outbox")
    assert args == {"account_id": account.id}
