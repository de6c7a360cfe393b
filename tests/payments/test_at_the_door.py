"""Cash instead of a bank: whose it is, and what it does to a try to pay that has begun."""

from __future__ import annotations

import pytest
from aiohttp.test_utils import TestServer

from shop.orders.placing.models import Placed
from shop.payments import views
from shop.payments.models import Outcome
from shop.settings import Settings
from tests.conftest import Visitor
from tests.orders.market import Market
from tests.payments.counter import BUTTON, begun, hear, notice, promised, state, unpaid_order
from tests.world import LIN, customer, sign_in, submit


async def test_a_member_may_pay_at_the_door_instead(client: Visitor, bank: TestServer, market: Market) -> None:
    lin = await customer(market.db, LIN)
    await sign_in(client, LIN)
    order = await unpaid_order(market, account_id=lin.id, email=LIN.email, email_key=LIN.email)
    path = f"/orders/{order.number}"
    page = await (await client.get(path)).text()
    assert BUTTON.findall(page) == ["sandbox", "cash"]
    leads = await submit(client, f"{path}/payment", {"method": "sandbox"}, on=path)
    assert leads.status == 303
    door = await submit(client, f"{path}/payment", {"method": "cash"}, on=path)
    assert door.headers["Location"] == f"{path}/payment/return"
    assert await state(market, order.order_id) == ("due", "placed", ["closed"])
    async with market.db.read() as conn:
        row = await conn.fetch_one("SELECT method, hold_until FROM orders")
    assert row is not None
    assert tuple(row) == ("cash", None)
    assert await promised(market, "tasks.mail.send_new_order") == [{"order_id": order.order_id}]
    assert "You pay at the door" in await (await client.get(f"{path}/payment/return")).text()
    late = notice(f"{order.number.replace('-', '')}_1")
    assert await hear(market, late) is Outcome.PAID
    assert (await state(market, order.order_id))[0] == "paid"


async def test_cash_beside_a_try_that_has_just_begun_waits_for_it(
    client: Visitor, market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    lin = await customer(market.db, LIN)
    await sign_in(client, LIN)
    order = await unpaid_order(market, account_id=lin.id, email=LIN.email, email_key=LIN.email)
    path = f"/orders/{order.number}"

    async def begins_behind_our_back(*_: object) -> None:
        await begun(market, order.order_id)

    monkeypatch.setattr(views, "_settled", begins_behind_our_back)
    door = await submit(client, f"{path}/payment", {"method": "cash"}, on=path)
    assert door.headers["Location"] == path
    assert "The bank does not answer at the moment." in await (await client.get(path)).text()
    assert await state(market, order.order_id) == ("due", "placed", ["open"])
    async with market.db.read() as conn:
        row = await conn.fetch_one("SELECT method, hold_until IS NULL AS is_free FROM orders")
    assert row is not None
    assert tuple(row) == ("sandbox", False)
    assert await promised(market, "tasks.mail.send_new_order") == []


async def test_too_much_for_the_door_is_paid_online(client: Visitor, market: Market, settings: Settings) -> None:
    lin = await customer(market.db, LIN)
    await sign_in(client, LIN)
    sku = await market.sku(99, settings.cash_ceiling)
    total = settings.cash_ceiling + 1000
    order = await market.buy_one(market.wish((sku, 1), total=total, account_id=lin.id, email_key=LIN.email))
    assert isinstance(order, Placed)
    page = await (await client.get(f"/orders/{order.number}")).text()
    assert BUTTON.findall(page) == ["sandbox"]
