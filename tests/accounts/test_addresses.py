"""The address book: what may stand in it, whose it is, and which address an order begins with."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from multidict import MultiDict

from shop.accounts.addresses.forms import AddressForm
from shop.accounts.addresses.queries import offered_address
from shop.accounts.models import Account
from shop.db import Database
from tests.conftest import Visitor
from tests.world import LIN, TOM, customer, sign_in, submit

HOME = {
    "receiver": "林小满",
    "phone": "13800138000",
    "country": "CN",
    "province": "广东",
    "city": "广州市",
    "district": "天河区",
    "street": "天河路 1 号",
    "postcode": "510620",
}
ABROAD = {
    "receiver": "Tom Ferry",
    "phone": "+44 20 7946 0958",
    "country": "GB",
    "city": "London",
    "street": "221B Baker Street",
    "postcode": "NW1 6XE",
}


def wrong_fields(**changes: str) -> list[str]:
    """Which fields complain about an address."""
    form = AddressForm(MultiDict(HOME | changes))
    form.validate()
    return sorted(name for name in form.errors if name)


async def rows(db: Database) -> list[Any]:
    async with db.read() as conn:
        return await conn.fetch_all("SELECT * FROM addresses ORDER BY id")


async def offered(db: Database, account: Account) -> str | None:
    async with db.read() as conn:
        found = await offered_address(conn, account.id)
    return found.receiver if found else None


async def keep(client: Visitor, receiver: str, **more: str) -> None:
    answer = await submit(client, "/account/addresses/new", HOME | {"receiver": receiver} | more)
    assert answer.status == 303, await answer.text()


async def test_an_address_is_added_edited_and_deleted(client: Visitor, db: Database) -> None:
    account = await customer(db, LIN)
    await sign_in(client, LIN)
    answer = await submit(client, "/account/addresses/new", HOME)
    assert (answer.status, answer.headers["Location"]) == (303, "/account/addresses")
    [kept] = await rows(db)
    assert (kept.account_id, kept.receiver, kept.province, kept.postcode) == (account.id, "林小满", "广东省", "510620")
    path = f"/account/addresses/{kept.id}"
    assert 'value="林小满"' in await (await client.get(path)).text()
    await submit(client, path, HOME | {"receiver": "林大满", "postcode": ""})
    [edited] = await rows(db)
    assert (edited.id, edited.receiver, edited.postcode) == (kept.id, "林大满", None)
    assert edited.updated_at > kept.updated_at
    assert (await submit(client, f"{path}/deletion", {}, on="/account/addresses")).status == 303
    assert await rows(db) == []


async def test_elsewhere_the_form_is_free(client: Visitor, db: Database) -> None:
    await customer(db, LIN)
    await sign_in(client, LIN)
    assert (await submit(client, "/account/addresses/new", ABROAD)).status == 303
    [kept] = await rows(db)
    assert (kept.country, kept.province, kept.city, kept.postcode) == ("GB", "", "London", "NW1 6XE")


async def test_what_is_wrong_is_told_and_nothing_is_kept_or_lost(client: Visitor, db: Database) -> None:
    await customer(db, LIN)
    await sign_in(client, LIN)
    answer = await submit(client, "/zh/account/addresses/new", HOME | {"phone": "12345", "postcode": "100000"})
    page = await answer.text()
    assert answer.status == 422
    assert "手机号为 11 位数字" in page
    assert "不属于所选省份" in page
    assert 'value="林小满"' in page
    assert "天河路 1 号" in page
    assert await rows(db) == []


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({}, []),
        ({"province": "广东省"}, []),
        ({"province": "guangdong"}, []),
        ({"province": "Atlantis"}, ["province"]),
        ({"province": ""}, ["city", "province"][1:]),
        ({"city": ""}, ["city"]),
        ({"province": "上海", "city": "", "postcode": "200000"}, []),
        ({"district": ""}, []),
        ({"postcode": ""}, []),
        ({"postcode": "51062"}, ["postcode"]),
        ({"postcode": "１０００００"}, ["postcode"]),
        ({"postcode": "５１０６２０"}, []),
        ({"province": "香港", "city": "", "postcode": "999077"}, []),
        ({"phone": "138 0013 8000"}, []),
        ({"phone": "１３８００１３８０００"}, []),
        ({"phone": "+86 138-0013-8000"}, []),
        ({"phone": "020-38888888"}, []),
        ({"phone": "12800138000"}, ["phone"]),
        ({"phone": "1380013800"}, ["phone"]),
        ({"phone": "call me"}, ["phone"]),
        ({"phone": "+852 2345 6789"}, []),
        ({"receiver": "  "}, ["receiver"]),
        ({"receiver": "x" * 61}, ["receiver"]),
        ({"receiver": "a\x00b"}, ["receiver"]),
        ({"street": ""}, ["street"]),
        ({"country": "XX"}, ["country"]),
        ({"country": "GB", "phone": "123", "province": "Kent", "postcode": "NW1"}, ["phone"]),
    ],
)
def test_checks_are_sane(changes: dict[str, str], wrong: list[str]) -> None:
    assert wrong_fields(**changes) == wrong


def test_s29_evil_strings_are_refused_at_once() -> None:
    evil = "1" * 50_000 + "-" * 50_000
    assert wrong_fields(phone=evil, postcode=evil, province=evil, receiver=evil) == [
        "phone",
        "postcode",
        "province",
        "receiver",
    ]


async def test_without_a_default_the_one_edited_last_is_offered(client: Visitor, db: Database) -> None:
    account = await customer(db, LIN)
    assert await offered(db, account) is None
    await sign_in(client, LIN)
    await keep(client, "first")
    await keep(client, "second")
    assert await offered(db, account) == "second"
    first, second = await rows(db)
    await submit(client, f"/account/addresses/{first.id}", HOME | {"receiver": "first again"})
    assert await offered(db, account) == "first again"
    await submit(client, f"/account/addresses/{second.id}/default", {}, on="/account/addresses")
    assert await offered(db, account) == "second"
    assert "second" in await (await client.get("/account")).text()
    await submit(client, f"/account/addresses/{second.id}/deletion", {}, on="/account/addresses")
    assert await offered(db, account) == "first again"


async def test_there_is_one_default_at_most(client: Visitor, db: Database) -> None:
    await customer(db, LIN)
    await sign_in(client, LIN)
    for name in ("a", "b", "c"):
        await keep(client, name, is_default="y")
    assert [(row.receiver, row.is_default) for row in await rows(db)] == [("a", False), ("b", False), ("c", True)]
    last = (await rows(db))[-1]
    await submit(client, f"/account/addresses/{last.id}", HOME | {"receiver": "c"})
    assert [row.is_default for row in await rows(db)] == [False, False, False]


async def test_twenty_addresses_are_enough(client: Visitor, db: Database) -> None:
    account = await customer(db, LIN)
    await sign_in(client, LIN)
    async with db.transaction() as conn:
        await conn.execute(
            "INSERT INTO addresses (account_id, receiver, phone, street) SELECT %(id)s, 'r', '1', 's' FROM generate_series(1, 20)",
            {"id": account.id},
        )
    answer = await submit(client, "/account/addresses/new", HOME)
    assert answer.status == 422
    assert "You keep 20 addresses already" in await answer.text()
    assert len(await rows(db)) == 20


@pytest.mark.parametrize(("method", "ending"), [("GET", ""), *product(["POST"], ["", "/default", "/deletion"])])
async def test_s24_anothers_address_is_not_there(
    client: Visitor, new_visitor: Any, db: Database, method: str, ending: str
) -> None:
    await customer(db, LIN)
    await customer(db, TOM)
    await sign_in(client, LIN)
    await keep(client, "of lin")
    before = await rows(db)
    tom = await new_visitor()
    await sign_in(tom, TOM)
    path = f"/account/addresses/{before[0].id}{ending}"
    if method == "GET":
        answer = await tom.get(path)
    else:
        answer = await submit(tom, path, HOME | {"receiver": "of tom"}, on="/account/addresses/new")
    missing = await tom.get("/account/addresses/999999999")
    assert (answer.status, missing.status) == (404, 404)
    assert await rows(db) == before


@pytest.mark.parametrize("number", ["0", "-1", "1e3", "٣", "99999999999999999999", "a", "%00"])
async def test_s24_a_number_that_is_none_is_not_there(client: Visitor, db: Database, number: str) -> None:
    await customer(db, LIN)
    await sign_in(client, LIN)
    assert (await client.get(f"/account/addresses/{number}")).status == 404


async def test_s25_an_address_cannot_be_given_to_somebody_else(client: Visitor, db: Database) -> None:
    lin, tom = await customer(db, LIN), await customer(db, TOM)
    await sign_in(client, LIN)
    await keep(client, "mine", account_id=str(tom.id), id="7")
    assert [row.account_id for row in await rows(db)] == [lin.id]


async def test_s26_what_people_type_is_never_markup(client: Visitor, db: Database) -> None:
    await customer(db, LIN)
    await sign_in(client, LIN)
    await keep(client, "<script>alert(1)</script>", street='"><img src=x onerror=alert(2)>')
    for path in ("/account", "/account/addresses", f"/account/addresses/{(await rows(db))[0].id}"):
        page = await (await client.get(path)).text()
        assert "<script>alert" not in page
        assert "<img src=x" not in page
