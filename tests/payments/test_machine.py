"""Whatever a provider says, in whatever order and however often, each payment comes to its right end."""

from __future__ import annotations

import asyncio

import pytest

from shop.orders import service as orders
from shop.orders.models import NotAllowed
from shop.orders.service import WrongAmount
from shop.payments.models import Outcome, Status
from shop.payments.refunds.service import note_done, refund, refund_rest
from shop.payments.service import StillOpen, begin
from tests.orders.market import Market
from tests.payments.counter import TOTAL, begun, cancel, hear, notice, promised, state, unpaid_order


async def test_a_paid_order_has_one_captured_payment(market: Market) -> None:
    order = await unpaid_order(market)
    payment = await begun(market, order.order_id)
    assert payment.reference == order.number.replace("-", "") + "_1"
    assert await hear(market, notice(payment)) is Outcome.PAID
    assert await state(market, order.order_id) == ("paid", "placed", ["captured"])
    assert await promised(market, "tasks.mail.send_order_paid") == [{"order_id": order.order_id}]
    assert await market.is_sound()


async def test_f_y3_fifty_notices_at_once_pay_once(market: Market) -> None:
    order = await unpaid_order(market)
    said = notice(await begun(market, order.order_id))

    async def arrive() -> Outcome:
        async with market.connections:
            return await hear(market, said)

    outcomes = await asyncio.gather(*(arrive() for _ in range(50)))
    assert sorted(outcomes) == sorted([Outcome.PAID] + [Outcome.REPEATED] * 49)
    assert await state(market, order.order_id) == ("paid", "placed", ["captured"])
    assert len(await promised(market, "tasks.mail.send_order_paid")) == 1
    assert await market.is_sound()


async def test_f_y4_a_notice_before_its_payment_is_kept_and_counts_with_it(market: Market) -> None:
    order = await unpaid_order(market)
    early = notice(order.number.replace("-", "") + "_1")
    assert await hear(market, early) is Outcome.KEPT
    assert await hear(market, early) is Outcome.REPEATED
    assert await state(market, order.order_id) == ("due", "placed", [])
    payment = await begun(market, order.order_id)
    assert payment.state == "captured"
    assert await state(market, order.order_id) == ("paid", "placed", ["captured"])


async def test_f_y4_a_notice_and_its_payment_at_the_same_moment_always_meet(market: Market) -> None:
    for _ in range(10):
        order = await unpaid_order(market)
        early = notice(order.number.replace("-", "") + "_1")
        await asyncio.gather(hear(market, early), begun(market, order.order_id))
        assert await state(market, order.order_id) == ("paid", "placed", ["captured"])


async def test_f_y4_paid_after_cancel_goes_back_by_itself(market: Market) -> None:
    order = await unpaid_order(market)
    payment = await begun(market, order.order_id)
    await cancel(market, order.order_id)
    assert await hear(market, notice(payment)) is Outcome.PAID_AFTER_CANCEL
    assert await promised(market, "tasks.payments.refund") == [{"order_id": order.order_id}]
    async with market.db.transaction() as conn:
        assert await refund_rest(conn, order.order_id) == TOTAL
        assert await refund_rest(conn, order.order_id) == 0
    ((asked,), ()) = await promised(market, "tasks.payments.send_refund"), ()
    async with market.db.transaction() as conn:
        assert await note_done(conn, asked["refund_id"])
        assert not await note_done(conn, asked["refund_id"])
    assert await state(market, order.order_id) == ("refunded", "cancelled", ["captured"])
    assert await promised(market, "tasks.mail.send_order_refunded") == [{"order_id": order.order_id, "amount": TOTAL}]
    assert await market.is_sound()


async def test_f_y4_reversed_closed_before_paid(market: Market) -> None:
    order = await unpaid_order(market)
    payment = await begun(market, order.order_id)
    assert (
        await hear(market, notice(payment, status=Status.CLOSED, trade_no="", amount=0, currency="")) is Outcome.CLOSED
    )
    assert await hear(market, notice(payment)) is Outcome.PAID
    assert await hear(market, notice(payment, status=Status.CLOSED)) is Outcome.NOTHING
    assert await state(market, order.order_id) == ("paid", "placed", ["captured"])


async def test_a_bill_paid_twice_gives_the_second_money_back(market: Market) -> None:
    order = await unpaid_order(market)
    payment = await begun(market, order.order_id)
    assert await hear(market, notice(payment)) is Outcome.PAID
    second = notice(payment, trade_no="T-again")
    assert await hear(market, second) is Outcome.SURPLUS
    assert await hear(market, notice(payment, trade_no="T-again")) is Outcome.REPEATED
    assert await state(market, order.order_id) == ("paid", "placed", ["captured", "surplus"])
    (asked,) = await promised(market, "tasks.payments.send_refund")
    async with market.db.transaction() as conn:
        assert await note_done(conn, asked["refund_id"])
    assert await state(market, order.order_id) == ("paid", "placed", ["captured", "surplus"])
    assert await market.is_sound()


async def test_two_tries_both_paid_count_once(market: Market) -> None:
    order = await unpaid_order(market)
    first = await begun(market, order.order_id)
    await hear(market, notice(first, status=Status.CLOSED))
    second = await begun(market, order.order_id)
    outcomes = await asyncio.gather(hear(market, notice(first)), hear(market, notice(second)))
    assert set(outcomes) == {Outcome.PAID, Outcome.SURPLUS}
    assert (await state(market, order.order_id))[0] == "paid"


async def test_a_former_try_is_closed_before_the_next(market: Market) -> None:
    order = await unpaid_order(market)
    first = await begun(market, order.order_id)
    with pytest.raises(StillOpen) as still:
        await begun(market, order.order_id, "alipay")
    assert still.value.payment.id == first.id
    await hear(market, notice(first, status=Status.CLOSED))
    second = await begun(market, order.order_id, "alipay")
    assert second.reference.endswith("_2")


async def test_only_an_order_that_waits_can_be_paid(market: Market) -> None:
    cancelled, ended = await unpaid_order(market), await unpaid_order(market)
    await cancel(market, cancelled.order_id)
    async with market.db.transaction() as conn:
        await conn.execute("UPDATE orders SET hold_until = now() WHERE id = %(id)s", {"id": ended.order_id})
    for order in (cancelled, ended):
        with pytest.raises(NotAllowed):
            await begun(market, order.order_id)
        assert (await state(market, order.order_id))[2] == []


@pytest.mark.parametrize(
    "lie",
    [
        {"amount": TOTAL - 1},
        {"amount": TOTAL + 1},
        {"amount": 0},
        {"currency": "USD"},
        {"currency": ""},
        {"trade_no": ""},
    ],
)
async def test_s45_other_money_is_no_payment_but_an_alarm(market: Market, lie: dict[str, object]) -> None:
    order = await unpaid_order(market)
    payment = await begun(market, order.order_id)
    assert await hear(market, notice(payment, **lie)) is Outcome.MISMATCH
    assert await state(market, order.order_id) == ("due", "placed", ["mismatch"])
    assert await hear(market, notice(payment)) is Outcome.PAID
    assert await hear(market, notice(payment, **lie)) is Outcome.MISMATCH
    assert await state(market, order.order_id) == ("paid", "placed", ["captured"])


async def test_s45_the_trade_of_another_order_pays_nothing(market: Market) -> None:
    hers, his = await unpaid_order(market), await unpaid_order(market)
    paid, unpaid = await begun(market, hers.order_id), await begun(market, his.order_id)
    assert await hear(market, notice(paid, trade_no="T-1")) is Outcome.PAID
    assert await hear(market, notice(unpaid, trade_no="T-1")) is Outcome.MISMATCH
    assert await state(market, his.order_id) == ("due", "placed", ["mismatch"])
    assert await state(market, hers.order_id) == ("paid", "placed", ["captured"])


async def test_refunds_are_asked_once_by_their_key_and_never_exceed_the_payment(market: Market) -> None:
    order = await unpaid_order(market)
    async with market.db.transaction() as conn:
        with pytest.raises(NotAllowed):
            await refund(conn, order.order_id, 100)
    await hear(market, notice(await begun(market, order.order_id)))
    async with market.db.transaction() as conn:
        first = await refund(conn, order.order_id, 1000, "one apple was bad", by=None, key="click-1")
        assert await refund(conn, order.order_id, 1000, "one apple was bad", key="click-1") == first
        with pytest.raises(NotAllowed):
            await refund(conn, order.order_id, 999, key="click-1")
    for wrong in (2001, 0, -5):
        with pytest.raises(WrongAmount):
            async with market.db.transaction() as conn:
                await refund(conn, order.order_id, wrong)
    async with market.db.transaction() as conn:
        await refund(conn, order.order_id, 2000)
    asked = [args["refund_id"] for args in await promised(market, "tasks.payments.send_refund")]
    assert len(asked) == 2
    for expected, refund_id in zip(("partly_refunded", "refunded"), asked, strict=True):
        async with market.db.transaction() as conn:
            assert await note_done(conn, refund_id)
        assert (await state(market, order.order_id))[0] == expected


async def test_cash_that_goes_back_is_noted_at_once(market: Market) -> None:
    sku, mei = await market.sku(10), await market.account("mei")
    order = await market.buy_one(market.cash_wish(mei, (sku, 1), total=2000))
    async with market.db.transaction() as conn:
        for step in (orders.pack, orders.ship, orders.deliver):
            await step(conn, order.order_id)  # type: ignore[union-attr]
        assert await refund(conn, order.order_id, 500, "bruised", by=mei) is None  # type: ignore[union-attr]
    assert (await state(market, order.order_id))[0] == "partly_refunded"  # type: ignore[union-attr]


async def test_a_shopper_does_not_begin_for_ever(market: Market) -> None:
    order = await unpaid_order(market)
    for _ in range(20):
        payment = await begun(market, order.order_id)
        await hear(market, notice(payment, status=Status.CLOSED))
    with pytest.raises(NotAllowed):
        async with market.db.transaction() as conn:
            await begin(conn, order.order_id, "sandbox")
