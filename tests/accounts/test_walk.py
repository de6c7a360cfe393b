"""A first look at every page of the account, signed in, in both languages."""

from __future__ import annotations

import pytest

from shop.db import Database
from tests.conftest import Visitor
from tests.world import LIN, customer, sign_in

PAGES = (
    "/account",
    "/account/addresses",
    "/account/addresses/new",
    "/account/security",
    "/account/password",
    "/account/email",
    "/account/second-factor",
    "/account/sessions",
    "/account/personal-data",
    "/account/erasure",
    "/account/history",
)


@pytest.mark.parametrize("prefix", ["", "/zh"])
async def test_every_page_opens_is_private_and_has_one_heading(client: Visitor, db: Database, prefix: str) -> None:
    await customer(db, LIN)
    await sign_in(client, LIN)
    for path in PAGES:
        answer = await client.get(prefix + path)
        page = await answer.text()
        assert answer.status == 200, path
        assert answer.headers["Cache-Control"] == "no-store", path
        assert page.count("<h1") == 1, path
        assert "style=" not in page, path
        assert "<script>" not in page, path


@pytest.mark.parametrize("path", PAGES)
async def test_no_page_of_the_account_opens_for_a_guest(client: Visitor, db: Database, path: str) -> None:
    answer = await client.get(path, allow_redirects=False)
    assert answer.status == 303
    assert answer.headers["Location"].startswith("/login?next=")
    assert "Set-Cookie" not in answer.headers
