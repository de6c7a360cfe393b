"""What the worker does about payments: asks about lost notices, gives money back once, and asks before goods go back to the shelf."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp.test_utils import TestServer

from shop.db import Database
from shop.mail import Mailer
from shop.orders.placing.models import Placed
from shop.outbox import Hopeless, Lease, NotNow
from shop.payments.bank.ledger import Bill
from shop.payments.bank.server import LEDGER
from shop.payments.invariants import broken, differences
from shop.payments.models import Payment, Status
from shop.payments.providers.base import ProviderAway
from shop.payments.providers.registry import Providers
from shop.payments.providers.sandbox import Sandbox
from shop.payments.queries import payment_by_id, payments_of, refunds_of
from shop.payments.refunds.service import refund
from shop.payments.settling import claim_due
from shop.settings import Settings
from shop.tokens import Tokens
from shop.urls import Urls
from tasks import payments as tasks
from tasks.beat import CHORE_SECONDS, CHORES
from tasks.orders import sweep
from tasks.runtime import Workshop
from tests.orders.market import Market
from tests.payments.counter import TOTAL, begun, cancel, hear, notice, promised, state, unpaid_order

HELD = Lease(1, *([None] * 2), "tasks.payments.poll", {}, 1)  # type: ignore[arg-type]


@pytest.fixture
async def shop(settings: Settings, db: Database) -> Any:
    providers = Providers.of(settings)
    made = Workshop(
        settings,
        db,
        Urls(settings.url, settings.languages),
        Tokens(settings.secret_keys),
        Mailer.of(settings),
        providers,
    )
    yield made
    await providers.close()


def bill_of(bank: TestServer, payment: Payment) -> Bill:
    """The bill a buyer has opened at the bank."""
    assert bank.app is not None
    return bank.app[LEDGER].open(payment.reference, amount=payment.amount, currency=payment.currency)


async def paid_order(market: Market, bank: TestServer) -> Placed:
    """Paid at the bank, and told."""
    order = await unpaid_order(market)
    payment = await begun(market, order.order_id)
    await hear(market, notice(payment, trade_no=bill_of(bank, payment).pay().trade_no))
    return order


async def due(market: Market) -> None:
    """Time passes until every provider is to be asked."""
    async with market.db.transaction() as conn:
        await conn.execute("UPDATE payments SET ask_at = now() WHERE ask_at IS NOT NULL")


async def hold_ends(market: Market, placed: str = "now()") -> None:
    async with market.db.transaction() as conn:
        await conn.execute(f"UPDATE orders SET hold_until = now(), placed_at = {placed} WHERE hold_until IS NOT NULL")


async def sent(shop: Workshop) -> None:
    """The worker sends every refund that is promised."""
    async with shop.db.read() as conn:
        rows = await conn.fetch_all("SELECT args FROM outbox WHERE task = 'tasks.payments.send_refund' ORDER BY id")
    for row in rows:
        await tasks.send_refund(shop, HELD, **row.args)


async def agree(shop: Workshop, bank: TestServer) -> None:
    """I2 and I3 hold, in our books and the bank's."""
    assert bank.app is not None
    async with shop.db.read() as conn:
        assert await broken(conn) == {}
        assert await differences(conn, "sandbox", bank.app[LEDGER].trades()) == []


async def test_f_y2_a_lost_notice_repairs_itself_within_two_minutes(
    shop: Workshop, bank: TestServer, market: Market
) -> None:
    order = await unpaid_order(market)
    payment = await begun(market, order.order_id)
    bill_of(bank, payment).pay()
    assert payment.ask_at is not None
    first = (payment.ask_at - payment.started_at).total_seconds()
    await tasks.poll(shop, HELD)
    assert await state(market, order.order_id) == ("due", "placed", ["open"])  # it is too early to ask
    await due(market)
    await tasks.poll(shop, HELD)
    assert await state(market, order.order_id) == ("paid", "placed", ["captured"])
    assert "tasks.payments.poll" in CHORES
    # The first question at the latest with the chore after it was due; if that one gets no answer, the next chore asks again.
    assert first + 2 * (CHORE_SECONDS + 25) < 130
    await agree(shop, bank)


async def test_a_question_without_answer_is_asked_again(shop: Workshop, bank: TestServer, market: Market) -> None:
    order = await unpaid_order(market)
    payment = await begun(market, order.order_id)
    bill_of(bank, payment)
    await due(market)
    await tasks.poll(shop, HELD)
    async with market.db.read() as conn:
        asked = await payment_by_id(conn, payment.id)
    assert asked.ask_at is not None
    assert asked.asked_at is not None
    assert 20 < (asked.ask_at - asked.asked_at).total_seconds() < 30
    assert await state(market, order.order_id) == ("due", "placed", ["open"])


async def test_pollers_share_the_work(market: Market) -> None:
    for _ in range(4):
        await begun(market, (await unpaid_order(market)).order_id)
    await due(market)
    async with market.db.transaction() as first, asyncio.timeout(20):
        mine = await claim_due(first, 2)

        async def other() -> list[Payment]:
            async with market.db.transaction() as conn:
                return await claim_due(conn, 50)

        theirs = await asyncio.create_task(other())
    assert (len(mine), len(theirs)) == (2, 2)
    assert {payment.id for payment in mine}.isdisjoint(payment.id for payment in theirs)


async def test_a_try_nobody_waits_for_is_closed_at_the_bank(shop: Workshop, bank: TestServer, market: Market) -> None:
    order = await unpaid_order(market)
    payment = await begun(market, order.order_id)
    await cancel(market, order.order_id)
    await due(market)
    await tasks.poll(shop, HELD)
    assert bill_of(bank, payment).is_closed
    assert await state(market, order.order_id) == ("due", "cancelled", ["closed"])


async def test_before_goods_go_back_the_bank_is_asked(shop: Workshop, bank: TestServer, market: Market) -> None:
    paid, unpaid, never = [await unpaid_order(market) for _ in range(3)]
    told, silent = await begun(market, paid.order_id), await begun(market, unpaid.order_id)
    bill_of(bank, told).pay()
    await hold_ends(market)
    await sweep(shop, HELD)
    assert await state(market, paid.order_id) == ("paid", "placed", ["captured"])
    assert await state(market, unpaid.order_id) == ("due", "cancelled", ["closed"])
    assert await state(market, never.order_id) == ("due", "cancelled", [])
    assert bill_of(bank, silent).is_closed
    assert await market.is_sound()
    await agree(shop, bank)


async def test_f_y1_without_an_answer_the_goods_are_kept_for_an_hour(shop: Workshop, market: Market) -> None:
    order = await unpaid_order(market)
    await begun(market, order.order_id)
    await hold_ends(market)
    await sweep(shop, HELD)
    assert await state(market, order.order_id) == ("due", "placed", ["open"])
    async with market.db.read() as conn:
        left = await conn.fetch_value("SELECT extract(epoch FROM hold_until - now()) FROM orders")
    assert 0 < left <= 60
    await hold_ends(market, "now() - interval '61 minutes'")
    await sweep(shop, HELD)
    assert await state(market, order.order_id) == ("due", "cancelled", ["open"])
    assert await market.is_sound()


async def test_a_cancelled_orders_money_goes_back_once(shop: Workshop, bank: TestServer, market: Market) -> None:
    order = await paid_order(market, bank)
    await cancel(market, order.order_id)
    for _ in range(2):
        await tasks.refund(shop, HELD, order_id=order.order_id)
    for _ in range(2):
        await sent(shop)
    assert await state(market, order.order_id) == ("refunded", "cancelled", ["captured"])
    assert len(await promised(market, "tasks.mail.send_order_refunded")) == 1
    await agree(shop, bank)


class Deaf(Sandbox):
    """The bank does what it is told, and its answer gets lost."""

    async def refund(self, payment: Any, refund: Any) -> None:
        await super().refund(payment, refund)
        raise ProviderAway("no answer")


async def test_a_refund_whose_answer_is_lost_is_sent_again_and_happens_once(
    shop: Workshop, bank: TestServer, market: Market
) -> None:
    order = await paid_order(market, bank)
    async with market.db.transaction() as conn:
        await refund(conn, order.order_id, 1000, "bruised")
    whole = shop.providers.get("sandbox")
    assert isinstance(whole, Sandbox)
    whole.__class__ = Deaf
    with pytest.raises(NotNow):
        await sent(shop)
    assert await state(market, order.order_id) == ("paid", "placed", ["captured"])
    whole.__class__ = Sandbox
    await sent(shop)
    assert await state(market, order.order_id) == ("partly_refunded", "placed", ["captured"])
    assert bank.app is not None
    (trade,) = bank.app[LEDGER].trades()
    assert trade["refunded"] == 1000
    await agree(shop, bank)


async def test_a_refused_refund_is_a_dead_letter_and_can_be_asked_anew(
    shop: Workshop, bank: TestServer, market: Market
) -> None:
    order = await paid_order(market, bank)
    async with market.db.transaction() as conn:
        await refund(conn, order.order_id, TOTAL)
        (payment,) = await payments_of(conn, order.order_id)
    trades = bill_of(bank, payment).trades
    kept = trades.pop()
    with pytest.raises(Hopeless, match="no such trade"):
        await sent(shop)
    async with market.db.read() as conn:
        (asked,) = await refunds_of(conn, order.order_id)
        (payment,) = await payments_of(conn, order.order_id)
    assert (str(asked.state), payment.refunded) == ("refused", 0)
    assert await promised(market, "tasks.mail.send_order_refunded") == []
    trades.append(kept)
    async with market.db.transaction() as conn:
        await refund(conn, order.order_id, TOTAL)
    await sent(shop)
    assert (await state(market, order.order_id))[0] == "refunded"
    await agree(shop, bank)


async def test_money_that_came_twice_goes_back_by_itself(shop: Workshop, bank: TestServer, market: Market) -> None:
    order = await unpaid_order(market)
    payment = await begun(market, order.order_id)
    bill = bill_of(bank, payment)
    bill.pay()
    bill.pay()
    await due(market)
    await tasks.poll(shop, HELD)
    assert await state(market, order.order_id) == ("paid", "placed", ["captured", "surplus"])
    await sent(shop)
    assert bank.app is not None
    assert sorted(trade["refunded"] for trade in bank.app[LEDGER].trades()) == [0, TOTAL]
    await agree(shop, bank)


async def test_money_through_a_page_left_open_is_found_although_the_payment_was_closed(
    shop: Workshop, bank: TestServer, market: Market
) -> None:
    order = await unpaid_order(market)
    payment = await begun(market, order.order_id)
    await hear(market, notice(payment, status=Status.CLOSED))
    bill_of(bank, payment).pay()
    await due(market)
    await tasks.poll(shop, HELD)
    assert await state(market, order.order_id) == ("paid", "placed", ["captured"])
    other = await begun(market, (await unpaid_order(market)).order_id)
    await hear(market, notice(other, status=Status.CLOSED))
    async with market.db.transaction() as conn:
        await conn.execute("UPDATE payments SET expires_at = now() - interval '1 second'")
    await due(market)
    await tasks.poll(shop, HELD)
    async with market.db.read() as conn:
        assert (await payment_by_id(conn, other.id)).ask_at is None
    await agree(shop, bank)
