"""Paying as people do it: from the order's page to the bank, and back."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
from aiohttp.test_utils import TestServer

from shop.app import create_app
from shop.keys import TOKENS
from shop.orders.links import order_key
from shop.orders.placing.models import Placed
from shop.payments.bank.server import LEDGER, MESSENGER
from shop.payments.models import Outcome
from shop.settings import Settings
from tests.conftest import Visitor
from tests.orders.market import Market
from tests.payments.counter import BUTTON, cancel, hear, notice, promised, state, unpaid_order
from tests.world import LIN, customer

SECONDS = 20


class Guest:
    """Somebody with a browser and the link to an order."""

    def __init__(self, visitor: Visitor, order: Placed, key: str) -> None:
        self.visitor, self.order, self.key = visitor, order, key

    async def page(self, part: str = "", lang: str = "") -> str:
        path = f"{lang}/orders/{self.order.number}{part}"
        return await (await self.visitor.get(path, params={"key": self.key})).text()

    async def pay(self, method: str = "sandbox", **headers: str) -> Any:
        """Presses a button of the payment part; where it leads."""
        path = f"/orders/{self.order.number}/payment"
        return await self.visitor.post(
            path, params={"key": self.key}, data={"method": method}, headers=headers, allow_redirects=False
        )

    async def choose(self, action: str, bank: TestServer) -> str:
        """Goes to the bank, presses a button there and comes back; the page that opens."""
        leads = await self.pay()
        assert leads.status == 303, await leads.text()
        assert leads.headers["Location"].startswith(str(bank.make_url("/pay?"))), leads.headers["Location"]
        page = await (await self.visitor.session.get(leads.headers["Location"])).text()
        form = re.search(r'action="(/pay/[^"]+)"', page)
        assert form, page
        answer = await self.visitor.session.post(bank.make_url(form[1]), data={"action": action}, allow_redirects=False)
        assert answer.status == 303
        return await self._open(answer.headers["Location"])

    async def _open(self, address: str) -> str:
        """Looks, again if the shop is busy just then."""
        for _ in range(SECONDS * 4):
            answer = await self.visitor.session.get(address)
            if answer.status != 503:
                break
            await asyncio.sleep(0.25)
        return await answer.text()


@pytest.fixture
async def guest(server: TestServer, client: Visitor, market: Market) -> Guest:
    """A guest with an unpaid order of 30.00."""
    order = await unpaid_order(market)
    assert server.app is not None
    return Guest(client, order, order_key(server.app[TOKENS], order.number))


async def until(market: Market, order: Placed, expected: tuple[str, str, list[str]]) -> None:
    """Waits for a notice to arrive, generously."""
    for _ in range(SECONDS * 20):
        if await state(market, order.order_id) == expected:
            return
        await asyncio.sleep(0.05)
    assert await state(market, order.order_id) == expected


async def test_a_guest_pays_and_comes_back(guest: Guest, bank: TestServer, market: Market) -> None:
    page = await guest.page()
    assert "We keep the goods for you for 15 more minutes." in page
    assert "Pay ¥30.00 with Test bank" in page
    assert BUTTON.findall(page) == ["sandbox"]
    back = await guest.choose("pay", bank)
    assert "It is paid" in back
    await until(market, guest.order, ("paid", "placed", ["captured"]))
    page = await guest.page()
    assert "It is paid." in page
    assert not BUTTON.findall(page)
    assert "使用测试银行支付" not in await guest.page(lang="/zh")
    assert await market.is_sound()


async def test_s46_coming_back_pays_nothing(guest: Guest, bank: TestServer, market: Market) -> None:
    leads = await guest.pay()
    assert leads.status == 303
    lies = {"key": guest.key, "status": "paid", "trade_no": "T-1", "amount": "3000", "seal": "t=1,v1=0"}
    answer = await guest.visitor.get(f"/orders/{guest.order.number}/payment/return", params=lies)
    assert "Waiting for the bank" in await answer.text()
    assert answer.headers["Cache-Control"] == "no-store"
    assert await state(market, guest.order.order_id) == ("due", "placed", ["open"])


async def test_declined_then_paid_again(guest: Guest, bank: TestServer, market: Market) -> None:
    back = await guest.choose("decline", bank)
    assert "It is not paid" in back
    assert await state(market, guest.order.order_id) == ("due", "placed", ["closed"])
    assert "It is paid" in await guest.choose("pay", bank)
    await until(market, guest.order, ("paid", "placed", ["closed", "captured"]))


async def test_pay_again_closes_the_former_try_first(guest: Guest, bank: TestServer, market: Market) -> None:
    first = await guest.pay()
    assert "You have been on the way to pay." in await guest.page()
    await guest.choose("pay", bank)
    await until(market, guest.order, ("paid", "placed", ["closed", "captured"]))
    old = await (await guest.visitor.session.get(first.headers["Location"])).text()
    assert "This bill cannot be paid any more." in old


async def test_a_click_on_pay_after_paying_charges_nobody_again(guest: Guest, bank: TestServer, market: Market) -> None:
    leads = await guest.pay()
    await guest.visitor.session.get(leads.headers["Location"])
    reference = f"{guest.order.number.replace('-', '')}_1"
    await guest.visitor.session.post(bank.make_url(f"/pay/{reference}"), data={"action": "lose"}, allow_redirects=False)
    again = await guest.pay()
    assert again.headers["Location"].startswith(f"/orders/{guest.order.number}/payment/return")
    assert await state(market, guest.order.order_id) == ("paid", "placed", ["captured"])
    assert "It is paid" in await guest.page("/payment/return")


@pytest.mark.parametrize(
    ("action", "states"),
    [("later", ["captured"]), ("twice", ["captured", "surplus"]), ("repeat", ["captured"]), ("lose", ["captured"])],
)
async def test_f_y2_whatever_the_bank_does_the_order_is_paid_once(
    guest: Guest, bank: TestServer, market: Market, action: str, states: list[str]
) -> None:
    back = await guest.choose(action, bank)
    assert ("Waiting for the bank" if action == "later" else "It is paid") in back
    await until(market, guest.order, ("paid", "placed", states))
    assert len(await promised(market, "tasks.mail.send_order_paid")) == 1
    assert len(await promised(market, "tasks.payments.send_refund")) == len(states) - 1
    assert bank.app is not None
    assert len(bank.app[LEDGER].trades()) == len(states)
    assert await market.is_sound()


async def test_f_y1_the_bank_is_away_and_the_order_is_kept(guest: Guest, market: Market) -> None:
    leads = await guest.pay()
    assert leads.status == 303
    back = await guest.visitor.get(f"/orders/{guest.order.number}/payment/return", params={"key": guest.key})
    assert "Waiting for the bank" in await back.text()
    again = await guest.pay()
    assert again.headers["Location"].startswith(f"/orders/{guest.order.number}?")
    assert "The bank does not answer at the moment. Your order is kept" in await guest.page()
    assert await state(market, guest.order.order_id) == ("due", "placed", ["open"])


@pytest.mark.parametrize("method", ["cash", "alipay", "", "none", "\x00"])
async def test_ways_that_are_not_offered_are_refused(guest: Guest, market: Market, method: str) -> None:
    answer = await guest.pay(method)
    assert answer.status == 303
    assert "This way to pay is not offered for this order." in await guest.page()
    assert await state(market, guest.order.order_id) == ("due", "placed", [])


async def test_a_cancelled_order_cannot_be_paid(guest: Guest, market: Market) -> None:
    await cancel(market, guest.order.order_id)
    await guest.pay()
    assert "This order is not waiting for payment any more." in await guest.page()
    assert await state(market, guest.order.order_id) == ("due", "cancelled", [])
    assert "The order was cancelled" in await guest.page("/payment/return")


async def test_money_that_came_after_the_cancelling_promises_no_goods(guest: Guest, market: Market) -> None:
    await guest.pay()
    await cancel(market, guest.order.order_id)
    late = notice(f"{guest.order.number.replace('-', '')}_1")
    assert await hear(market, late) is Outcome.PAID_AFTER_CANCEL
    page = await guest.page("/payment/return")
    assert "The order was cancelled" in page
    assert "We are getting your goods together." not in page


async def test_money_that_does_not_match_is_looked_at_though_the_order_is_cancelled(
    guest: Guest, market: Market
) -> None:
    await guest.pay()
    await cancel(market, guest.order.order_id)
    assert await hear(market, notice(f"{guest.order.number.replace('-', '')}_1", amount=1)) is Outcome.MISMATCH
    page = await guest.page("/payment/return")
    assert "We are looking at it and will write to you" in page
    assert "it goes back to you by itself" not in page


async def test_who_pays_by_the_link_comes_back_by_it_though_the_order_has_joined_an_account(
    guest: Guest, bank: TestServer, market: Market
) -> None:
    lin = await customer(market.db, LIN)
    async with market.db.transaction() as conn:
        await conn.execute("UPDATE orders SET account_id = %(lin)s", {"lin": lin.id})
    assert "It is paid" in await guest.choose("pay", bank)


async def test_s47_nobody_pays_or_sees_the_order_of_another(guest: Guest, market: Market) -> None:
    for key in ("", "x", guest.key[:-1]):
        stranger = Guest(guest.visitor, guest.order, key)
        assert (await stranger.pay()).status == 404
        answer = await guest.visitor.get(f"/orders/{guest.order.number}/payment/return", params={"key": key})
        assert answer.status == 404
    assert await state(market, guest.order.order_id) == ("due", "placed", [])


async def test_forms_may_lead_to_the_switched_on_banks_and_nowhere_else(guest: Guest, settings: Settings) -> None:
    order = await guest.visitor.get(f"/orders/{guest.order.number}", params={"key": guest.key})
    policy = dict(part.strip().split(" ", 1) for part in order.headers["Content-Security-Policy"].split(";"))
    assert policy["form-action"] == f"'self' {settings.payment_sandbox_url}"
    assert policy["script-src"] == "'self'"
    home = await guest.visitor.get("/")
    assert "form-action 'self';" in home.headers["Content-Security-Policy"]


async def test_from_provider_lets_no_browser_in(guest: Guest, bank: TestServer, market: Market) -> None:
    await guest.pay()
    assert bank.app is not None
    bill = bank.app[LEDGER].open(f"{guest.order.number.replace('-', '')}_1", amount=3000, currency="CNY")
    body = bank.app[MESSENGER].words(bill, bill.pay())
    for header in ({"Origin": "null"}, {"Cookie": "session=1"}, {"Sec-Fetch-Site": "same-origin"}):
        answer = await guest.visitor.post("/payments/sandbox/notice", data=body, headers=header)
        assert answer.status == 403
    for name in ("cash", "alipay", "nobody"):
        assert (await guest.visitor.post(f"/payments/{name}/notice", data=body)).status == 404
    assert (await guest.visitor.get("/payments/sandbox/notice")).status == 405
    assert await state(market, guest.order.order_id) == ("due", "placed", ["open"])


def test_the_sandbox_is_development_only(settings: Settings) -> None:
    from shop.settings import SettingsError

    with pytest.raises(SettingsError, match="exists only in development"):
        create_app(settings.model_copy(update={"development": False}))


async def test_money_that_does_not_match_is_not_asked_for_again(guest: Guest, bank: TestServer, market: Market) -> None:
    await guest.pay()
    reference = f"{guest.order.number.replace('-', '')}_1"
    assert await hear(market, notice(reference, amount=1)) is Outcome.MISMATCH
    for page in (await guest.page(), await guest.page("/payment/return")):
        assert "We are looking at it and will write to you; please do not pay again." in page
        assert not BUTTON.findall(page)
    assert (await guest.pay()).headers["Location"].startswith(f"/orders/{guest.order.number}?")
    assert await state(market, guest.order.order_id) == ("due", "placed", ["mismatch"])
