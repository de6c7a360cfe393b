"""What the till answers, and what an order leaves behind."""

from dataclasses import replace

import pytest

from shop.coupons.models import CouponRefused, DiscountKind
from shop.coupons.service import create_coupon
from shop.orders.holds import change_method
from shop.orders.models import CASH
from shop.orders.placing.models import Placed, Purchase, Reason, Refused
from tests.orders.market import TERMS, Market


async def test_an_order_copies_everything_and_leaves_its_traces(market: Market) -> None:
    mei = await market.account("mei")
    apples, pears = await market.sku(10, 1000), await market.sku(5, 250)
    placed = await market.buy_one(market.cash_wish(mei, (apples, 2), (pears, 1), total=3250))
    assert isinstance(placed, Placed)
    assert placed.total == 3250
    async with market.db.read() as conn:
        order = await conn.fetch_one("SELECT * FROM orders")
        lines = await conn.fetch_all("SELECT * FROM order_lines ORDER BY sku_id")
        mails = await conn.fetch_all("SELECT task, args FROM outbox ORDER BY id")
        events = await conn.fetch_all("SELECT machine, old, new, actor, account_id FROM order_events")
    assert order is not None
    assert (order.number, order.goods_total, order.discount, order.freight) == (placed.number, 2250, 0, 1000)
    assert (order.payment, order.fulfilment, order.goods, order.hold_until) == ("due", "placed", "held", None)
    assert [(line.sku_id, line.quantity, line.unit_price, line.tax_rate) for line in lines] == [
        (apples, 2, 1000, 900),
        (pears, 1, 250, 900),
    ]
    assert lines[0].name == {"en": "Apple", "zh": "苹果"}
    assert [(mail.task, mail.args) for mail in mails] == [
        ("tasks.mail.send_order_placed", {"order_id": placed.order_id}),
        ("tasks.mail.send_new_order", {"order_id": placed.order_id}),
    ]
    assert [tuple(event) for event in events] == [("fulfilment", "", "placed", "customer", mei)]
    assert await market.stock(apples) == 8
    assert await market.is_sound()


async def test_goods_of_an_unpaid_order_are_held_for_a_quarter_of_an_hour(market: Market) -> None:
    sku = await market.sku(1)
    await market.buy_one(market.wish((sku, 1), total=2000))
    async with market.db.read() as conn:
        seconds = await conn.fetch_value("SELECT extract(epoch FROM hold_until - placed_at) FROM orders")
    assert seconds == 900


async def test_s39_the_second_click_lands_on_the_first_order(market: Market) -> None:
    sku = await market.sku(10)
    wish = market.wish((sku, 1), total=2000)
    first = await market.buy_one(wish)
    before = await market.counts()
    assert isinstance(first, Placed)
    assert await market.buy_one(wish) == replace(first, is_repeat=True)
    assert await market.counts() == before


async def test_s39_twins_in_one_batch_are_one_order(market: Market) -> None:
    sku = await market.sku(10)
    wish = market.wish((sku, 3), total=4000)
    first, second, third = await market.buy(wish, wish, replace(wish, seen_total=4000))
    assert isinstance(first, Placed)
    assert second == third == replace(first, is_repeat=True)
    assert await market.stock(sku) == 7
    assert await market.is_sound()


@pytest.mark.parametrize("in_one_batch", [True, False])
async def test_a_checkout_id_with_another_content_is_refused(market: Market, in_one_batch: bool) -> None:
    sku = await market.sku(10)
    wish = market.wish((sku, 1), total=2000)
    other = replace(wish, lines=((sku, 2),), seen_total=3000, fingerprint=b"other" * 6)
    if in_one_batch:
        _, answer = await market.buy(wish, other)
    else:
        await market.buy_one(wish)
        answer = await market.buy_one(other)
    assert answer == Refused(Reason.CHECKOUT_REUSED)
    assert await market.stock(sku) == 9


async def test_a_bad_basket_fails_alone(market: Market) -> None:
    plenty, few = await market.sku(10), await market.sku(1)
    good, bad, late = await market.buy(
        market.wish((plenty, 1), (few, 1), total=3000),
        market.wish((plenty, 1), (few, 1), total=3000),
        market.wish((plenty, 1), total=2000),
    )
    assert isinstance(good, Placed)
    assert bad == Refused(Reason.OUT_OF_STOCK, {few: 0})
    assert isinstance(late, Placed)
    assert (await market.stock(plenty), await market.stock(few)) == (8, 0)
    assert await market.is_sound()


async def _offline(market: Market, sku: int) -> None:
    async with market.db.transaction() as conn:
        await conn.execute("UPDATE skus SET status = 'offline' WHERE id = %(id)s", {"id": sku})


async def test_s36_goods_that_are_not_on_sale_are_refused(market: Market) -> None:
    sku = await market.sku(10)
    await _offline(market, sku)
    assert await market.buy_one(market.wish((sku, 1), total=2000)) == Refused(Reason.NOT_SOLD, {sku: 0})
    assert await market.buy_one(market.wish((9999, 1), total=2000)) == Refused(Reason.NOT_SOLD, {9999: 0})
    assert (await market.counts())["orders"] == 0


@pytest.mark.parametrize("quantity", [0, -1, 100, 2**63 - 1])
async def test_s34_quantities_out_of_range_are_refused(market: Market, quantity: int) -> None:
    sku = await market.sku(10)
    answer = await market.buy_one(market.wish((sku, quantity), total=1000 + quantity * 1000))
    assert isinstance(answer, Refused)
    assert answer.reason is Reason.TOO_MANY_UNITS
    assert await market.stock(sku) == 10


@pytest.mark.parametrize("seen", [-1, 0, 1, 1999, 2001])
async def test_s33_another_total_than_the_buyer_saw_is_asked_again(market: Market, seen: int) -> None:
    sku = await market.sku(10)
    assert await market.buy_one(market.wish((sku, 1), total=seen)) == Refused(Reason.TOTAL_CHANGED, total=2000)
    assert await market.stock(sku) == 10


async def test_an_offer_counts_between_its_dates_and_not_after(market: Market) -> None:
    sku = await market.sku(10)
    offer = """UPDATE skus SET offer_price = 700, offer_from = now() - interval '2 days', offer_until = now() + %(until)s::interval"""
    async with market.db.transaction() as conn:
        await conn.execute(offer, {"until": "1 day"})
    assert isinstance(await market.buy_one(market.wish((sku, 2), total=2400)), Placed)
    async with market.db.transaction() as conn:
        assert await conn.fetch_value("SELECT unit_price FROM order_lines") == 700
        await conn.execute(offer, {"until": "-1 day"})
    late = market.wish((sku, 2), total=2400)
    assert await market.buy_one(late) == Refused(Reason.TOTAL_CHANGED, total=3000)


async def test_s40_a_basket_that_changed_meanwhile_is_not_ordered(market: Market) -> None:
    sku = await market.sku(10)
    async with market.db.transaction() as conn:
        cart_id = await conn.fetch_value(
            "INSERT INTO carts (cookie_hash, version) VALUES (%(h)s, 4) RETURNING id", {"h": bytes(32)}
        )
    old = market.wish((sku, 1), total=2000, cart_id=cart_id, cart_version=3)
    assert await market.buy_one(old) == Refused(Reason.BASKET_CHANGED)
    assert isinstance(await market.buy_one(replace(old, cart_version=4)), Placed)
    again = market.wish((sku, 1), total=2000, cart_id=cart_id, cart_version=4)
    assert await market.buy_one(again) == Refused(Reason.BASKET_CHANGED)


async def test_a_window_that_is_closed_or_elsewhere_is_refused(market: Market) -> None:
    sku = await market.sku(10)
    wish = market.wish((sku, 1), total=2000)
    assert await market.buy_one(replace(wish, window_id=99)) == Refused(Reason.WINDOW_CLOSED)
    assert await market.buy_one(replace(wish, zone_id=99)) == Refused(Reason.WINDOW_CLOSED)
    async with market.db.transaction() as conn:
        await conn.execute("UPDATE delivery_windows SET cutoff_at = now()")
    assert await market.buy_one(wish) == Refused(Reason.WINDOW_CLOSED)
    assert (await market.counts())["orders"] == 0


async def test_the_minimum_order_of_the_zone_holds(market: Market) -> None:
    sku = await market.sku(10)
    async with market.db.transaction() as conn:
        await conn.execute("UPDATE delivery_zones SET minimum_order = 1001")
    assert await market.buy_one(market.wish((sku, 1), total=2000)) == Refused(Reason.BELOW_MINIMUM, total=2000)
    assert isinstance(await market.buy_one(market.wish((sku, 2), total=3000)), Placed)


@pytest.mark.parametrize("who", ["account", "email", "network"])
async def test_s42_nobody_holds_goods_for_more_than_three_unpaid_orders(market: Market, who: str) -> None:
    sku, mei = await market.sku(100), await market.account("mei")

    def wish() -> Purchase:
        fields = {
            "account": {"account_id": mei},
            "email": {"email": "m@example.com"},
            "network": {"network": "10.0.0.1"},
        }
        return market.wish((sku, 1), total=2000, **fields[who])

    assert [type(answer) for answer in await market.buy(wish(), wish())] == [Placed, Placed]
    answers = await market.buy(wish(), wish(), market.wish((sku, 1), total=2000))
    assert [type(answer) for answer in answers] == [Placed, Refused, Placed]
    assert answers[1] == Refused(Reason.TOO_MANY_UNPAID)
    assert await market.stock(sku) == 96


async def test_s42_who_orders_in_many_processes_at_once_gets_no_more_than_three(market: Market) -> None:
    sku = await market.sku(100)
    window_ids = [await market.window(10) for _ in range(9)]  # no row that all of them lock before the goods
    wishes = [market.wish((sku, 1), total=2000, email="m@example.com", window_id=window) for window in window_ids]
    answers = await market.race(wishes)
    assert sorted(type(answer).__name__ for answer in answers) == ["Placed"] * 3 + ["Refused"] * 6
    assert {answer.reason for answer in answers if isinstance(answer, Refused)} == {Reason.TOO_MANY_UNPAID}
    assert (await market.stock(sku), await market.is_sound()) == (97, True)


@pytest.mark.parametrize("who", ["account", "email"])
async def test_s42_cash_keeps_goods_for_no_more_than_three_orders_until_they_are_packed(
    market: Market, who: str
) -> None:
    sku, mei, lin = await market.sku(100), await market.account("mei"), await market.account("lin")

    def wish(number: int) -> Purchase:
        if who == "account":
            return market.cash_wish(mei, (sku, 1), total=2000, network="10.0.0.1")
        return market.cash_wish((mei, lin)[number % 2], (sku, 1), total=2000, email="m@example.com")

    assert [type(answer) for answer in await market.buy(wish(0), wish(1))] == [Placed, Placed]
    third, refused = await market.buy(wish(2), wish(3))
    assert isinstance(third, Placed)
    assert refused == Refused(Reason.TOO_MANY_UNPAID)
    before = await market.counts()
    assert await market.buy_one(wish(4)) == Refused(Reason.TOO_MANY_UNPAID)
    online = replace(wish(5), method="sandbox")
    assert await market.buy_one(online) == Refused(Reason.TOO_MANY_UNPAID)
    assert await market.counts() == before
    assert await market.stock(sku) == 97
    async with market.db.transaction() as conn:
        await conn.execute("UPDATE orders SET fulfilment = 'packed' WHERE id = %(id)s", {"id": third.order_id})
    assert isinstance(await market.buy_one(wish(6)), Placed)


async def test_s42_changing_to_cash_frees_no_place(market: Market) -> None:
    sku, mei = await market.sku(100), await market.account("mei")
    for _ in range(3):
        placed = await market.buy_one(market.wish((sku, 1), total=2000, account_id=mei, is_activated=True))
        assert isinstance(placed, Placed)
        order_id = placed.order_id
        await market.db.in_transaction(lambda conn, order_id=order_id: change_method(conn, order_id, CASH))
    late = market.wish((sku, 1), total=2000, account_id=mei)
    assert await market.buy_one(late) == Refused(Reason.TOO_MANY_UNPAID)
    assert await market.stock(sku) == 97


async def test_cash_needs_a_confirmed_account_and_a_modest_total(market: Market) -> None:
    sku, mei = await market.sku(100, 10_000), await market.account("mei")
    refused = Refused(Reason.CASH_NOT_ALLOWED)
    assert await market.buy_one(market.wish((sku, 1), total=11_000, method="cash")) == refused
    asleep = replace(market.cash_wish(mei, (sku, 1), total=11_000), is_activated=False)
    assert await market.buy_one(asleep) == refused
    assert await market.buy_one(market.cash_wish(mei, (sku, 5), total=51_000)) == refused
    assert isinstance(await market.buy_one(market.cash_wish(mei, (sku, 4), total=41_000)), Placed)
    terms = replace(TERMS, cash_ceiling=51_000)
    assert isinstance(await market.buy_one(market.cash_wish(mei, (sku, 5), total=51_000), terms), Placed)


async def test_a_coupon_lowers_the_total_and_is_counted(market: Market) -> None:
    sku = await market.sku(100)
    async with market.db.transaction() as conn:
        await create_coupon(conn, DiscountKind.PERCENT, 15, code="fresh 15", minimum=1500, limit=2)
    assert await market.buy_one(market.wish((sku, 1), total=1850, coupon_code="FRESH15")) == Refused(
        Reason.COUPON, coupon=CouponRefused.BELOW_MINIMUM
    )
    mine = market.wish((sku, 3), total=3550, coupon_code="FRESH15", email="m@example.com")
    assert isinstance(await market.buy_one(mine), Placed)
    twice = market.wish((sku, 3), total=3550, coupon_code="FRESH15", email="m@example.com")
    assert await market.buy_one(twice) == Refused(Reason.COUPON, coupon=CouponRefused.USED_BY_YOU)
    assert isinstance(await market.buy_one(market.wish((sku, 2), total=2700, coupon_code="FRESH15")), Placed)
    late = market.wish((sku, 2), total=2700, coupon_code="FRESH15")
    assert await market.buy_one(late) == Refused(Reason.COUPON, coupon=CouponRefused.USED_UP)
    unknown = market.wish((sku, 2), total=2700, coupon_code="NONE")
    assert await market.buy_one(unknown) == Refused(Reason.COUPON, coupon=CouponRefused.UNKNOWN)
    assert await market.is_sound()
