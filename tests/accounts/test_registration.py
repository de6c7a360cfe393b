"""Becoming a customer: the form, the mail, the link, the open account."""

from __future__ import annotations

from typing import Any

import time_machine

from shop.accounts.models import PendingRegistration
from shop.accounts.registration.service import activation_token
from shop.db import Database
from shop.settings import Settings
from shop.tokens import Tokens
from tests.conftest import Visitor
from tests.world import LIN, MEI, PASSWORD, Person, customer, submit

CONSENT = {"consent": "y"}


def filled(person: Person, **changes: str) -> dict[str, str]:
    """The registration form as a person fills it in."""
    return {"username": person.username, "email": person.email, "password": PASSWORD, **CONSENT, **changes}


async def accounts(db: Database) -> list[Any]:
    async with db.read() as conn:
        return await conn.fetch_all("SELECT * FROM accounts ORDER BY id")


async def promises(db: Database) -> list[tuple[str, dict[str, Any]]]:
    async with db.read() as conn:
        return [(row.task, row.args) for row in await conn.fetch_all("SELECT task, args FROM outbox ORDER BY id")]


async def link_for(db: Database, settings: Settings, person: Person = LIN) -> str:
    """The path that stands in the activation mail."""
    return f"/activation/{activation_token(Tokens(settings.secret_keys), (await waiting(db, person))[-1])}"


async def waiting(db: Database, person: Person = LIN) -> list[PendingRegistration]:
    """The registrations of a person's address that wait for their mail, oldest first."""
    async with db.read() as conn:
        found = PendingRegistration.objects.using(conn).filter(account__email_key=person.email)
        return list(await found.order_by("id"))


async def test_registering_makes_an_account_and_promises_the_mail(
    client: Visitor, db: Database, real_hashes: None
) -> None:
    answer = await submit(client, "/register", filled(LIN))
    assert (answer.status, answer.headers["Location"]) == (303, "/activation")
    [account] = await accounts(db)
    assert (account.username, account.email, account.language) == ("lin", "lin@example.com", "en")
    assert account.activated_at is None
    assert account.password_hash == "!"
    [registration] = await waiting(db)
    assert (registration.account_id, registration.username, registration.language) == (account.id, "lin", "en")
    assert registration.password_hash.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert registration.terms_accepted_at is not None
    assert await promises(db) == [("tasks.mail.send_activation", {"registration_id": registration.id})]


async def test_a_guest_who_registers_gets_no_cookie(client: Visitor, db: Database) -> None:
    answer = await submit(client, "/register", filled(LIN))
    assert "Set-Cookie" not in answer.headers


async def test_the_chinese_page_makes_a_chinese_account(client: Visitor, db: Database) -> None:
    answer = await submit(client, "/zh/register", filled(MEI))
    assert (answer.status, answer.headers["Location"]) == (303, "/zh/activation")
    assert [(account.username, account.language) for account in await accounts(db)] == [("小梅", "zh")]


async def test_what_is_wrong_stands_at_its_field_and_what_was_typed_stays(client: Visitor, db: Database) -> None:
    answer = await submit(client, "/zh/register", {"username": "a b", "email": "lin@", "password": "short"})
    page = await answer.text()
    assert answer.status == 422
    for message in ("只能使用文字", "name@example.com", "至少", "请先同意"):
        assert message in page
    assert 'value="a b"' in page
    assert 'value="lin@"' in page
    assert "short" not in page
    assert 'href="#username"' in page
    assert await accounts(db) == []


async def test_a_taken_user_name_is_told_whatever_its_spelling(client: Visitor, db: Database) -> None:
    await customer(db, LIN)
    for spelling in ("lin", "LIN", "ｌｉｎ"):
        answer = await submit(client, "/register", filled(MEI, username=spelling))
        assert answer.status == 422
        assert "This user name is taken" in await answer.text()
    assert len(await accounts(db)) == 1
    assert await promises(db) == []


async def test_names_that_would_speak_for_the_shop_are_taken(client: Visitor, db: Database) -> None:
    answer = await submit(client, "/register", filled(LIN, username="Support"))
    assert "This user name is taken" in await answer.text()
    assert await accounts(db) == []


async def test_the_link_opens_the_account_and_signs_in(client: Visitor, db: Database, settings: Settings) -> None:
    await submit(client, "/register", filled(LIN))
    link = await link_for(db, settings)
    assert 'method="post"' in await (await client.get(link)).text()
    answer = await submit(client, link, {})
    assert (answer.status, answer.headers["Location"]) == (303, "/account")
    page = await (await client.get("/account")).text()
    assert "Hello, lin" in page
    assert "lin@example.com" in page


async def test_s6_looking_at_the_link_activates_nothing(client: Visitor, db: Database, settings: Settings) -> None:
    await submit(client, "/register", filled(LIN))
    link = await link_for(db, settings)
    for _ in range(3):
        assert (await client.get(link)).status == 200
    assert (await accounts(db))[0].activated_at is None


async def test_s7_the_page_behind_a_link_tells_nobody_its_address(
    client: Visitor, db: Database, settings: Settings
) -> None:
    await submit(client, "/register", filled(LIN))
    for link in (await link_for(db, settings), "/activation/forged"):
        assert (await client.get(link)).headers["Referrer-Policy"] == "no-referrer"
        assert (await client.get(link)).headers["Cache-Control"] == "no-store"


async def test_s5_forged_expired_foreign_and_replaced_links_open_nothing(
    client: Visitor, db: Database, settings: Settings
) -> None:
    tokens = Tokens(settings.secret_keys)
    await submit(client, "/register", filled(LIN))
    good = await link_for(db, settings)
    with time_machine.travel("2020-01-01"):
        expired = await link_for(db, settings)
    links = [
        good[:-1] + ("A" if good[-1] != "A" else "B"),
        expired,
        f"/activation/{tokens.sign('password-reset', [1, 0])}",
        f"/activation/{tokens.sign('activation', [999_999, (await waiting(db))[0].id])}",
        f"/activation/{tokens.sign('activation', [(await accounts(db))[0].id, 999_999])}",
        f"/activation/{Tokens([b'x' * 32]).sign('activation', [1, 0])}",
        "/activation/x",
    ]
    for link in links:
        for answer in (await client.get(link), await client.post(link)):
            assert answer.status == 422, link
            assert "/activation" in await answer.text()
    assert (await accounts(db))[0].activated_at is None


async def test_s5_a_link_works_once(client: Visitor, new_visitor: Any, db: Database, settings: Settings) -> None:
    await submit(client, "/register", filled(LIN))
    link = await link_for(db, settings)
    await submit(client, link, {})
    opened = (await accounts(db))[0].activated_at
    stranger = await new_visitor()
    answer = await stranger.post(link, allow_redirects=False)
    assert answer.status == 422
    assert "Your account is open already" in await answer.text()
    assert "Set-Cookie" not in answer.headers
    assert (await accounts(db))[0].activated_at == opened


async def test_the_key_ring_turns_without_breaking_links(client: Visitor, db: Database, settings: Settings) -> None:
    await submit(client, "/register", filled(LIN))
    older = Tokens(settings.secret_keys[1:])
    token = activation_token(older, (await waiting(db))[0])
    assert (await client.get(f"/activation/{token}")).status == 200


async def test_the_mail_can_be_had_again(client: Visitor, db: Database) -> None:
    await customer(db, LIN, active=False)
    answer = await submit(client, "/activation", {"email": " LIN@example.com "})
    assert (answer.status, answer.headers["Location"]) == (303, "/activation")
    [registration] = await waiting(db)
    assert await promised_mails(db) == [registration.id]


async def promised_mails(db: Database) -> list[int]:
    """The registrations that activation mails are on their way for; promises to nobody, which hide how many there are, left out."""
    found = [args["registration_id"] for task, args in await promises(db) if task == "tasks.mail.send_activation"]
    return [number for number in found if number is not None]


async def test_s3_a_hundred_registrations_send_one_address_at_most_three_mails(client: Visitor, db: Database) -> None:
    statuses = []
    for n in range(100):
        fields = filled(LIN, username=f"bomber{n}") if n % 2 else {"email": LIN.email}
        answer = await client.post("/register" if n % 2 else "/activation", data=fields, allow_redirects=False)
        statuses.append(answer.status)
    assert statuses[:3] == [303, 303, 303]
    assert set(statuses[3:]) == {429}
    assert len(await promised_mails(db)) == 2


async def test_s25_fields_that_are_not_asked_for_change_nothing(client: Visitor, db: Database) -> None:
    extra = {"id": "7", "activated_at": "2020-01-01", "is_admin": "1", "password_hash": "x", "language": "zh"}
    await submit(client, "/register", filled(LIN, **extra))
    [account] = await accounts(db)
    assert (account.activated_at, account.language) == (None, "en")
