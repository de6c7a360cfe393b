"""The named cast of the tests: who they are, what they sign in with, and how they come to have an account."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient

from shop.accounts.models import Account, PendingRegistration, ReservedUsername, identity_key
from shop.accounts.queries import account_by_id
from shop.db import Database
from shop.passwords import NO_PASSWORD, hash_password

PASSWORD: Final = "plum-rain-in-june"
CSRF: Final = re.compile(r'name="csrf_token" value="([^"]+)"')


@dataclass(frozen=True)
class Person:
    """Somebody who shops here."""

    username: str
    email: str
    language: str = "en"


LIN: Final = Person("lin", "lin@example.com")
MEI: Final = Person("小梅", "mei@example.com", "zh")
TOM: Final = Person("Tom", "tom@example.org")
# Never has an account.
EVE: Final = Person("eve", "eve@example.net")


@cache
def password_hash(password: str = PASSWORD) -> str:
    """The hash of a password, made once for all tests."""
    return hash_password(password)


async def customer(db: Database, person: Person = LIN, *, active: bool = True, stored: str | None = None) -> Account:
    """Give somebody an account as if they had registered (and, if active, opened it) some time ago."""
    async with db.transaction() as conn:
        key = identity_key(person.username)
        await ReservedUsername.objects.using(conn).create(username_key=key)
        made = await Account.objects.using(conn).create(
            username=person.username,
            username_key=key,
            email=person.email,
            email_key=identity_key(person.email),
            password_hash=(stored or password_hash()) if active else NO_PASSWORD,
            language=person.language,
        )
        if not active:
            await PendingRegistration.objects.using(conn).create(
                account_id=made.id,
                username=person.username,
                username_key=key,
                password_hash=stored or password_hash(),
                language=person.language,
            )
        else:
            await conn.execute("UPDATE accounts SET activated_at = now() WHERE id = %(id)s", {"id": made.id})
        account = await account_by_id(conn, made.id)
    assert account is not None
    return account


async def sign_in(visitor: TestClient[Any, Any], person: Person = LIN, password: str = PASSWORD) -> None:
    """Sign a customer in through the form."""
    answer = await submit(visitor, "/login", {"login": person.username, "password": password})
    assert answer.status == 303, await answer.text()


async def submit(
    visitor: TestClient[Any, Any], path: str, fields: dict[str, str], *, on: str | None = None
) -> ClientResponse:
    """Open the page a form stands `on` (the path itself if it is not said), fill the form in and send it, redirects not followed."""
    page = await (await visitor.get(on or path)).text()
    token = CSRF.search(page)
    sent = {**fields, "csrf_token": token[1]} if token else fields
    return await visitor.post(path, data=sent, allow_redirects=False)
