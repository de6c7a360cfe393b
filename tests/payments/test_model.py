"""S44: every state meets every event, and a model of a few lines says what has to come of it."""

from __future__ import annotations

import contextlib
import random
from dataclasses import dataclass, field, replace

import pytest

from shop.db import Connection
from shop.orders import service as orders
from shop.orders.models import Actor, NotAllowed
from shop.payments.invariants import broken, differences
from shop.payments.models import Payment, Status
from shop.payments.queries import payments_of, refunds_of
from shop.payments.refunds.service import note_done, refund_rest
from shop.payments.service import StillOpen, begin, take_notice
from tests.orders.market import Market
from tests.payments.counter import TOTAL, notice, state, unpaid_order

EVENTS = ("begin", "paid", "paid again", "lie", "closed", "cancel", "hold ends", "refund")
# Ways to the states an order and its payments can be in.
WAYS: dict[str, tuple[str, ...]] = {
    "waiting": (),
    "open": ("begin",),
    "closed": ("begin", "closed"),
    "mismatch": ("begin", "lie"),
    "paid": ("begin", "paid"),
    "paid twice": ("begin", "paid", "paid again"),
    "refunded": ("begin", "paid", "refund"),
    "cancelled": ("begin", "cancel"),
    "paid and cancelled": ("begin", "paid", "cancel"),
    "cancelled, then paid": ("begin", "cancel", "paid"),
    "second try": ("begin", "closed", "begin"),
}


@dataclass(frozen=True)
class Model:
    """What should be: the order's two machines, its tries, and the trades the bank has made."""

    payment: str = "due"
    fulfilment: str = "placed"
    tries: tuple[str, ...] = ()
    trades: dict[str, str] = field(default_factory=dict)  # trade -> what became of it

    def after(self, event: str) -> Model:
        """The model after an event."""
        if event == "begin":
            waits = (self.payment, self.fulfilment) == ("due", "placed") and "open" not in self.tries
            return replace(self, tries=(*self.tries, "open")) if waits else self
        if event in {"cancel", "hold ends"}:
            may = self.fulfilment == "placed" and (event == "cancel" or self.payment == "due")
            return replace(self, fulfilment="cancelled") if may else self
        if event == "refund":
            return replace(self, payment="refunded") if self.payment == "paid" else self
        return self._told(event) if self.tries else self

    def _told(self, event: str) -> Model:
        last = self.tries[-1]
        if event == "closed":
            return self._with_last("closed") if last == "open" else self
        if event == "lie":
            return self._with_last("mismatch") if last in {"open", "closed"} else self
        trade = f"{len(self.tries)}:{event}"
        if trade in self.trades:
            return self
        trades = {**self.trades, trade: "surplus" if self.payment != "due" else "captured"}
        if last in {"captured", "surplus"}:
            return replace(self, trades=trades)
        return replace(
            self._with_last(trades[trade]), payment="paid" if self.payment == "due" else self.payment, trades=trades
        )

    def _with_last(self, new: str) -> Model:
        return replace(self, tries=(*self.tries[:-1], new))


class Story:
    """One order in the real shop, to which the same events happen."""

    def __init__(self, market: Market, order_id: int) -> None:
        self.market, self.order_id = market, order_id

    async def happen(self, event: str) -> None:
        with contextlib.suppress(NotAllowed, StillOpen):
            await self.market.db.in_transaction(lambda conn: self._do(conn, event))

    async def _do(self, conn: Connection, event: str) -> None:
        if event == "begin":
            await begin(conn, self.order_id, "sandbox")
        elif event == "cancel":
            await orders.cancel(conn, self.order_id, actor=Actor.CUSTOMER)
        elif event == "hold ends":
            await conn.execute("UPDATE orders SET hold_until = now() WHERE hold_until IS NOT NULL")
            await orders.release(conn, self.order_id)
        elif event == "refund":
            await refund_rest(conn, self.order_id)
            for asked in await refunds_of(conn, self.order_id):
                await note_done(conn, asked.id)
        elif tries := tried(await payments_of(conn, self.order_id)):
            trade = f"{self.order_id}:{len(tries)}:{'paid' if event == 'lie' else event}"
            facts = {"lie": {"amount": TOTAL - 1}, "closed": {"status": Status.CLOSED}}.get(event, {})
            await take_notice(conn, notice(tries[-1], trade_no=trade, **facts))


def tried(payments: list[Payment]) -> list[Payment]:
    """The tries a buyer began; what came beside one of them has a reference with a stroke."""
    return [payment for payment in payments if "/" not in payment.reference]


async def agrees(market: Market, order_id: int, model: Model, path: tuple[str, ...]) -> None:
    payment, fulfilment, _ = await state(market, order_id)
    async with market.db.read() as conn:
        payments = await payments_of(conn, order_id)
        assert await broken(conn) == {}, path
    assert (payment, fulfilment) == (model.payment, model.fulfilment), path
    assert tuple(str(one.state) for one in tried(payments)) == model.tries, path
    believed = {str(one.trade_no).partition(":")[2]: str(one.state) for one in payments if one.trade_no}
    assert believed == model.trades, path


async def live(market: Market, path: tuple[str, ...]) -> tuple[int, Model]:
    order, model = await unpaid_order(market), Model()
    story = Story(market, order.order_id)
    for event in path:
        await story.happen(event)
        model = model.after(event)
    return order.order_id, model


@pytest.mark.parametrize("way", WAYS)
async def test_s44_each_state_meets_each_event(market: Market, way: str) -> None:
    for event in EVENTS:
        for path in ((*WAYS[way], event), (*WAYS[way], event, event)):
            order_id, model = await live(market, path)
            await agrees(market, order_id, model, path)
    assert await market.is_sound()


async def test_s44_long_stories_agree_too(market: Market) -> None:
    chance = random.Random(44)
    for _ in range(25):
        path = tuple(chance.choices(EVENTS, k=8))
        order_id, model = await live(market, ("begin", *path))
        await agrees(market, order_id, model, path)
    assert await market.is_sound()


async def test_i2_and_i3_see_what_is_broken(market: Market) -> None:
    order_id, _ = await live(market, ("begin", "paid"))
    async with market.db.transaction() as conn:
        row = {"trade_no": f"{order_id}:1:paid", "amount": TOTAL, "refunded": 0}
        assert await differences(conn, "sandbox", [row]) == []
        for wrong in ([], [{**row, "amount": 1}], [{**row, "refunded": 1}], [row, {**row, "trade_no": "T"}]):
            assert len(await differences(conn, "sandbox", wrong)) == 1
        await conn.execute("UPDATE payments SET amount = amount - 1, refunded = 1")
        assert set(await broken(conn)) == {"I2", "I3"}
        await conn.execute("UPDATE payments SET amount = amount + 1, refunded = 0")
        assert await broken(conn) == {}
        await conn.execute("UPDATE payments SET state = 'closed'")
        assert set(await broken(conn)) == {"I2"}
