"""Requests that change something come from our own pages, or from clients that carry nothing worth abusing."""

from __future__ import annotations

import pytest
from aiohttp.test_utils import TestServer

from shop.db import Database
from shop.settings import Settings
from tests.web.conftest import Arrive
from tests.web.front import Person, customer


@pytest.fixture
async def lily(person: Person, db: Database) -> Person:
    await person.sign_in(await customer(db, "lily"))
    return person


async def test_a_form_with_its_token_is_taken(lily: Person) -> None:
    response = await lily.browser.post("/note", params={"a": "1"}, data={"csrf_token": lily.token})
    assert response.status == 200
    assert await lily.get("/notes") == {"a": "1"}


async def test_a_script_with_the_header_is_taken(lily: Person) -> None:
    response = await lily.browser.post("/note", params={"a": "1"}, headers={"X-CSRF-Token": lily.token}, json={})
    assert response.status == 200


async def test_an_upload_with_its_token_is_taken(lily: Person) -> None:
    from aiohttp import FormData

    form = FormData({"csrf_token": lily.token})
    form.add_field("picture", b"...", filename="apple.png", content_type="image/png")
    assert (await lily.browser.post("/note", data=form)).status == 200
    without = FormData()
    without.add_field("csrf_token", lily.token.encode(), filename="token.txt")
    assert (await lily.browser.post("/note", data=without)).status == 403


async def test_s61_anothers_token_is_refused(lily: Person, arrive: Arrive, db: Database) -> None:
    tom = await arrive()
    await tom.sign_in(await customer(db, "tom"))
    response = await lily.browser.post("/note", params={"a": "1"}, headers={"X-CSRF-Token": tom.token})
    assert response.status == 403
    assert await lily.get("/notes") == {}


async def test_s12_signing_in_again_makes_a_new_token(lily: Person, db: Database) -> None:
    old = lily.token
    response = await lily.browser.post("/in", params={"account": "1"}, headers={"X-CSRF-Token": old})
    assert response.status == 200
    assert (await lily.browser.post("/note", headers={"X-CSRF-Token": old})).status == 403


async def test_a_token_never_looks_the_same_twice(lily: Person) -> None:
    tokens = {(await lily.get("/private"))["token"] for _ in range(5)}
    assert len(tokens) == 5
    for token in tokens:
        assert (await lily.browser.post("/note", headers={"X-CSRF-Token": token})).status == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "{own}"}, 200),
        ({"Origin": "{own}", "Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        # surprise: a page with Referrer-Policy: no-referrer posts to itself with Origin: null
        ({"Origin": "null", "Sec-Fetch-Site": "same-origin"}, 200),
        ({"Origin": "null"}, 403),
        ({"Origin": "null", "Sec-Fetch-Site": "none"}, 403),
        ({"Origin": ""}, 403),
        ({"Origin": "{own}.evil.example"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "Same-Origin, cross-site"}, 403),
    ],
)
async def test_where_a_request_comes_from(
    lily: Person, settings: Settings, headers: dict[str, str], status: int
) -> None:
    sent = {name: value.format(own=settings.url) for name, value in headers.items()}
    response = await lily.browser.post("/note", headers={"X-CSRF-Token": lily.token, **sent})
    assert response.status == status


async def test_s13_signing_in_from_another_site_is_refused(front: TestServer, person: Person, db: Database) -> None:
    lily = await customer(db, "lily")
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        response = await person.browser.post("/in", params={"account": str(lily.id)}, headers=headers)
        assert response.status == 403
    assert person.cookie == ""
