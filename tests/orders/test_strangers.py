"""S47: everybody who is not its buyer, at every door of every order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from shop.keys import TOKENS
from shop.orders.links import order_key
from tests.conftest import Visitor
from tests.orders.market import Market
from tests.world import CSRF, LIN, TOM, Person, customer, sign_in, submit

LOOKS = ("", "/receipt", "/events", "/payment/return")
DEEDS = {
    "/cancellation": {},
    "/return": {"reason": "mine"},
    "/again": {},
    "/payment": {"method": "sandbox"},
}
# In the place of an order's number.
EMPTY = ("%20", "0", "-", "null", "None", "undefined", "AAAA-AAAA-AAAA", "1", "%00", "A" * 500)


@dataclass(frozen=True, slots=True)
class Buyer:
    """Somebody with an order; a guest's is opened by its key."""

    name: str
    visitor: Visitor
    number: str
    key: str = ""

    @property
    def query(self) -> str:
        return f"?key={self.key}" if self.key else ""


@pytest.fixture
async def buyers(market: Market, new_visitor: Any, server: Any) -> list[Buyer]:
    """Lin and Tom, who are members, and two guests."""
    sku = await market.sku(100)
    found = []
    for person in (LIN, TOM, Person("guest", "guest@example.com"), Person("other", "other@example.com")):
        visitor, is_member = await new_visitor(), person in (LIN, TOM)
        account = await customer(market.db, person) if is_member else None
        wish = market.wish((sku, 1), total=2000, email=person.email, account_id=account.id if account else None)
        number = getattr(await market.buy_one(wish), "number", "")
        if account:
            await sign_in(visitor, person)
        found.append(Buyer(person.username, visitor, number, "" if account else order_key(server.app[TOKENS], number)))
    return found


async def knock(visitor: Visitor, path: str, query: str) -> dict[str, int]:
    """What each door of an order answers; forms are sent with the visitor's own token, as by somebody who means it."""
    answers = {}
    for look in LOOKS:
        answers[look] = (await visitor.get(f"{path}{look}{query}", allow_redirects=False)).status
    token = CSRF.search(await (await visitor.get("/cart")).text())
    for deed, fields in DEEDS.items():
        sent = {**fields, **({"csrf_token": token[1]} if token else {})}
        answer = await visitor.post(f"{path}{deed}{query}", data=sent, allow_redirects=False)
        answers[deed] = answer.status
    return answers


async def test_s47_nobody_looks_at_or_changes_anybody_elses_order(
    buyers: list[Buyer], new_visitor: Any, market: Market
) -> None:
    anonymous = await new_visitor()
    strangers = [(buyer.name, buyer.visitor, buyer.query) for buyer in buyers] + [("anonymous", anonymous, "")]
    for buyer in buyers:
        for name, visitor, own in strangers:
            if name == buyer.name:
                continue
            for query in dict.fromkeys([own, "", "?key=", "?key=%20", f"?key={buyer.number}", "?key=null"]):
                assert set((await knock(visitor, f"/orders/{buyer.number}", query)).values()) == {404}, (name, query)
    for odd in EMPTY:
        assert (await buyers[0].visitor.get(f"/orders/{odd}")).status == 404, odd
    async with market.db.read() as conn:
        rows = await conn.fetch_all("SELECT fulfilment, payment FROM orders")
        assert [tuple(row) for row in rows] == [("placed", "due")] * 4
        for table in ("return_requests", "payments", "carts", "reviews"):
            assert await conn.fetch_value(f"SELECT count(*) FROM {table}") == 0


async def test_s47_each_buyer_has_the_own_order(buyers: list[Buyer]) -> None:
    for buyer in buyers:
        for look in ("", "/receipt"):
            answer = await buyer.visitor.get(f"/orders/{buyer.number}{look}{buyer.query}")
            assert answer.status == 200
            assert buyer.number in await answer.text()


@pytest.mark.parametrize("email", ["", " ", "null", "%", "lin@example.co", "lin@example.com\x00"])
async def test_s47_the_lookup_wants_number_and_address(buyers: list[Buyer], new_visitor: Any, email: str) -> None:
    answer = await (await new_visitor()).post(
        "/orders", data={"number": buyers[0].number, "email": email}, allow_redirects=False
    )
    assert answer.status in {400, 422}
    assert "key=" not in await answer.text()


async def test_s47_the_lookup_finds_no_members_order_and_says_the_same_as_of_none(
    buyers: list[Buyer], new_visitor: Any
) -> None:
    lin, visitor = buyers[0], await new_visitor()
    pages = []
    for number in (lin.number, "AAAA-AAAA-AAAA"):
        answer = await submit(visitor, "/orders", {"number": number, "email": LIN.email})
        page = await answer.text()
        assert answer.status == 422
        assert "No order has this number and this e-mail address." in page
        assert "Sign in to see them" in page
        pages.append(CSRF.sub("", page).replace(number, ""))
    assert pages[0] == pages[1]


async def test_s47_the_link_of_an_order_that_has_joined_an_account_leads_to_sign_in(
    buyers: list[Buyer], market: Market
) -> None:
    (lin, tom, guest, _), path = buyers, f"/orders/{buyers[2].number}"
    assert (await guest.visitor.get(f"{path}{guest.query}")).status == 200
    async with market.db.transaction() as conn:
        owner = (
            "UPDATE orders SET account_id = (SELECT id FROM accounts WHERE email_key = %(lin)s) WHERE number = %(no)s"
        )
        await conn.execute(owner, {"lin": LIN.email, "no": guest.number})
    login = f"/login?next={path}"
    for look in ("", "/receipt"):
        answer = await guest.visitor.get(f"{path}{look}{guest.query}", allow_redirects=False)
        assert (answer.status, answer.headers["Location"]) == (303, login)
        assert answer.headers["Cache-Control"] == "no-store"
    deed = await submit(guest.visitor, f"{path}/cancellation{guest.query}", {}, on="/cart")
    assert (deed.status, deed.headers["Location"]) == (303, login)
    assert (await tom.visitor.get(f"{path}{guest.query}")).status == 404
    assert (await lin.visitor.get(f"{path}{guest.query}")).status == 200
    async with market.db.read() as conn:
        assert await conn.fetch_value("SELECT count(*) FROM orders WHERE fulfilment = 'placed'") == 4
