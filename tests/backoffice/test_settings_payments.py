"""Which ways to pay are offered: chosen in the back office, obeyed by the checkout page, by the till and by the page of an order."""

from __future__ import annotations

from dataclasses import replace

from aiohttp.test_utils import TestServer

from shop.db import Database
from shop.facts import state_fact
from shop.keys import TOKENS
from shop.orders.links import order_key
from shop.orders.methods import METHODS, Method, Offer, offer_of, written
from shop.orders.placing.models import Placed, Reason, Refused
from shop.payments.models import Outcome
from shop.settings import Settings
from shop.web.stated import STATED
from tests.backoffice.cast import at_work
from tests.backoffice.test_settings import NewVisitor, logged, post
from tests.backoffice.test_settings_profile import facts_in, until
from tests.conftest import Visitor
from tests.orders.market import TERMS, Market
from tests.orders.test_checkout import desk, fields, order, put
from tests.payments.counter import BUTTON, begun, hear, notice, state, unpaid_order
from tests.world import LIN, customer, sign_in

PAGE = "/backoffice/settings/payments"
SAID = {
    "sandbox_on": "y",
    "sandbox_place": "1",
    "cash_on": "y",
    "cash_place": "2",
    "cash_maximum": "500",
    "version": "0",
}
CASH_ONLY = {**{name: value for name, value in SAID.items() if name != "sandbox_on"}, "cash_place": "1"}


async def offered(db: Database, settings: Settings) -> list[tuple[str, bool, int, int | None]]:
    async with db.read() as conn:
        offer = await offer_of(conn, settings.payment_methods, settings.cash_ceiling)
    return [(one.name, one.is_on, one.minimum, one.maximum) for one in offer.methods]


async def test_the_ways_to_pay_are_chosen_and_put_in_order(db: Database, settings: Settings, client: Visitor) -> None:
    await at_work(client, db, "settings")
    assert await offered(db, settings) == [("sandbox", True, 0, None), ("cash", True, 0, 50_000)]
    page = await (await client.get(PAGE)).text()
    assert ("add alipay to SHOP_PAYMENT_METHODS" in page, "add cash to" in page) == (True, False)
    nobody = {name: value for name, value in SAID.items() if not name.endswith("_on")}
    crossed = {**SAID, "cash_minimum": "500.01"}
    for wrong in (nobody, {**nobody, "alipay_on": "y"}, crossed, {**SAID, "cash_maximum": "-1"}):
        assert (await post(client, PAGE, wrong))[0] == 422
    assert (await facts_in(db), await logged(db)) == ({}, [])

    said = {**SAID, "cash_place": "1", "sandbox_place": "2", "cash_minimum": "20", "sandbox_maximum": "1000"}
    assert (await post(client, PAGE, said))[0] == 303
    assert await offered(db, settings) == [("cash", True, 2000, 50_000), ("sandbox", True, 0, 100_000)]
    assert (await post(client, PAGE, SAID))[0] == 409
    assert await offered(db, settings) == [("cash", True, 2000, 50_000), ("sandbox", True, 0, 100_000)]
    assert [(action, changes["order"]) for action, changes in await logged(db)] == [
        ("setting.changed", [["sandbox", "cash"], ["cash", "sandbox"]])
    ]


async def test_a_way_that_was_switched_off_is_neither_shown_nor_taken(
    server: TestServer, db: Database, client: Visitor, new_visitor: NewVisitor
) -> None:
    market, shopper = await Market.open(db), await new_visitor()
    async with db.transaction() as conn:
        await conn.execute("INSERT INTO delivery_areas (zone_id) VALUES (%(zone)s)", {"zone": market.zone_id})
    await customer(db, LIN)
    await sign_in(shopper, LIN)
    await put(shopper, await market.sku(9))
    said = fields(market, await desk(shopper), method="sandbox")
    await at_work(client, db, "settings")
    assert (await post(client, PAGE, CASH_ONLY))[0] == 303
    before = await market.counts()

    async def is_heard() -> bool:
        assert server.app is not None
        return METHODS in server.app[STATED].facts

    await until(is_heard)
    page = await (await shopper.get("/checkout")).text()
    assert ('value="cash"' in page, 'value="sandbox"' in page) == (True, False)
    refused = await order(shopper, said)
    assert (refused.status, "Choose how you want to pay." in await refused.text()) == (422, True)
    assert await market.counts() == before
    placed = await order(shopper, {**said, "method": "cash"})
    assert placed.status == 303, await placed.text()


async def test_the_till_looks_again_whatever_a_page_has_said(db: Database) -> None:
    market = await Market.open(db)
    sku = await market.sku(9)
    async with db.transaction() as conn:
        await state_fact(conn, METHODS, written([Method("sandbox", is_on=False), Method("cash", minimum=2500)]))
    before = await market.counts()
    terms = replace(TERMS, methods=("sandbox", "cash"))
    account = await market.account("mei")
    online, cheap = market.wish((sku, 1), total=2000), market.cash_wish(account, (sku, 1), total=2000)
    unknown = market.wish((sku, 1), total=2000, method="alipay")
    answers = await market.buy(online, cheap, unknown, terms=terms)
    assert answers == [
        Refused(Reason.METHOD_NOT_OFFERED),
        Refused(Reason.CASH_NOT_ALLOWED),
        Refused(Reason.METHOD_NOT_OFFERED),
    ]
    assert await market.counts() == before
    assert isinstance(await market.buy_one(market.cash_wish(account, (sku, 2), total=3000), terms), Placed)
    assert await market.is_sound()


async def test_an_order_on_its_way_to_the_bank_arrives_after_the_bank_was_switched_off(
    settings: Settings, server: TestServer, db: Database, client: Visitor
) -> None:
    market = await Market.open(db)
    on_the_way, waiting = await unpaid_order(market), await unpaid_order(market)
    payment = await begun(market, on_the_way.order_id)
    await at_work(client, db, "settings")
    assert (await post(client, PAGE, CASH_ONLY))[0] == 303
    assert server.app is not None
    path, key = f"/orders/{waiting.number}", order_key(server.app[TOKENS], waiting.number)
    sent = await client.post(f"{path}/payment", params={"key": key}, data={"method": "sandbox"}, allow_redirects=False)
    page = await (await client.get(sent.headers["Location"])).text()
    assert "This way to pay is not offered for this order." in page
    assert await state(market, waiting.order_id) == ("due", "placed", [])
    assert BUTTON.findall(page) == []
    assert await hear(market, notice(payment)) is Outcome.PAID
    assert (await state(market, on_the_way.order_id))[0] == "paid"


def test_what_is_not_set_up_is_never_offered_and_somebody_can_always_pay() -> None:
    stated = written([Method("alipay"), Method("cash", is_on=False)])
    assert Offer.of(stated, ("sandbox", "cash"), 100).methods == (
        Method("cash", is_on=False),
        Method("sandbox"),
    )
    assert Offer.of(stated, ("cash",), 100).methods == (Method("cash", maximum=100),)
    assert Offer.of(None, ("cash", "sandbox"), 100).open_to(101) == ["sandbox"]
