"""What can happen to an order, what cannot, and what each step moves."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from shop.db import Connection, DbError
from shop.orders import service
from shop.orders.invariants import broken
from shop.orders.models import FULFILMENT_TRANSITIONS, Actor, Fulfilment, NotAllowed, Payment
from shop.orders.personal_data import forget_erased
from shop.orders.placing.models import Placed
from shop.orders.service import PaidAs, WrongAmount
from shop.orders.stock.service import StockMoved, receive, write_off
from tests.orders.market import Market

Step = Callable[[Connection, int], Awaitable[Any]]


async def order(market: Market, method: str = "sandbox", stock: int = 10) -> tuple[int, int]:
    """(order, SKU): two pieces of ten, 30.00 in all."""
    sku = await market.sku(stock)
    wish = market.wish((sku, 2), total=3000)
    if method == "cash":
        wish = market.cash_wish(await market.account("mei"), (sku, 2), total=3000)
    placed = await market.buy_one(wish)
    assert isinstance(placed, Placed)
    return placed.order_id, sku


async def do(market: Market, step: Step, order_id: int) -> Any:
    async with market.db.transaction() as conn:
        return await step(conn, order_id)


async def state(market: Market) -> tuple[str, str, str]:
    async with market.db.read() as conn:
        row = await conn.fetch_one("SELECT payment, fulfilment, goods FROM orders")
    assert row is not None
    return row.payment, row.fulfilment, row.goods


async def pay(conn: Connection, order_id: int) -> PaidAs:
    return await service.mark_paid(conn, order_id, 3000)


async def cancel(conn: Connection, order_id: int) -> None:
    await service.cancel(conn, order_id, actor=Actor.CUSTOMER)


async def accept_return(conn: Connection, order_id: int) -> None:
    await service.ask_return(conn, order_id, "too ripe")
    await service.decide_return(conn, order_id, is_accepted=True)
    await service.receive_return(conn, order_id, fit_for_sale=False)


async def test_a_paid_order_is_packed_shipped_delivered_and_finished(market: Market) -> None:
    order_id, sku = await order(market)
    assert await do(market, pay, order_id) is PaidAs.PAID
    for step in (service.pack, service.ship, service.deliver, service.finish):
        await do(market, step, order_id)
    assert await state(market) == ("paid", "finished", "sold")
    assert await market.stock(sku) == 8
    async with market.db.read() as conn:
        assert await conn.fetch_value("SELECT sold FROM skus") == 2
        steps = await conn.fetch_all("SELECT machine, new, actor FROM order_events ORDER BY id")
        tasks = await conn.fetch_all("SELECT task FROM outbox ORDER BY id")
    assert [tuple(step) for step in steps] == [
        ("fulfilment", "placed", "customer"),
        ("payment", "paid", "provider"),
        ("fulfilment", "packed", "staff"),
        ("fulfilment", "shipped", "staff"),
        ("fulfilment", "delivered", "staff"),
        ("fulfilment", "finished", "customer"),
    ]
    assert [row.task.rpartition(".")[2] for row in tasks] == [
        "send_order_placed",
        "send_order_paid",
        "send_new_order",
        "send_order_shipped",
    ]
    assert await market.is_sound()


async def test_cash_is_paid_at_the_door(market: Market) -> None:
    order_id, _ = await order(market, "cash")
    for step in (service.pack, service.ship):
        await do(market, step, order_id)
    assert await state(market) == ("due", "shipped", "held")
    await do(market, service.deliver, order_id)
    assert await state(market) == ("paid", "delivered", "sold")
    assert await market.is_sound()


async def test_an_unpaid_order_is_not_packed(market: Market) -> None:
    order_id, _ = await order(market)
    with pytest.raises(NotAllowed):
        await do(market, service.pack, order_id)
    assert await state(market) == ("due", "placed", "held")


async def test_cancelling_gives_the_stock_back(market: Market) -> None:
    order_id, sku = await order(market)
    await do(market, cancel, order_id)
    assert await state(market) == ("due", "cancelled", "back")
    assert await market.stock(sku) == 10
    assert await market.is_sound()


async def test_cancelling_a_paid_order_promises_the_money_back(market: Market) -> None:
    order_id, sku = await order(market)
    await do(market, pay, order_id)
    await do(market, cancel, order_id)
    assert await state(market) == ("paid", "cancelled", "back")
    assert await market.stock(sku) == 10
    async with market.db.read() as conn:
        tasks = await conn.fetch_all("SELECT args FROM outbox WHERE task = 'tasks.payments.refund'")
    assert [row.args for row in tasks] == [{"order_id": order_id}]
    assert await market.is_sound()


async def test_paid_after_cancel_goes_back_by_itself(market: Market) -> None:
    order_id, sku = await order(market)
    await do(market, cancel, order_id)
    assert await do(market, pay, order_id) is PaidAs.AFTER_CANCEL
    assert await state(market) == ("paid", "cancelled", "back")
    assert await market.stock(sku) == 10
    async with market.db.read() as conn:
        assert await conn.fetch_value("SELECT count(*) FROM outbox WHERE task = 'tasks.payments.refund'") == 1
    assert await market.is_sound()


async def test_a_second_notice_of_the_same_payment_changes_nothing(market: Market) -> None:
    order_id, _ = await order(market)
    await do(market, pay, order_id)
    before = await market.counts()
    assert await do(market, pay, order_id) is PaidAs.ALREADY_PAID
    assert await market.counts() == before


@pytest.mark.parametrize("amount", [0, 2999, 3001, -3000])
async def test_another_amount_is_no_payment(market: Market, amount: int) -> None:
    order_id, _ = await order(market)
    with pytest.raises(WrongAmount):
        await do(market, lambda conn, n: service.mark_paid(conn, n, amount), order_id)
    assert await state(market) == ("due", "placed", "held")


async def test_refunds_never_exceed_what_was_paid(market: Market) -> None:
    order_id, _ = await order(market)

    async def refund(conn: Connection, order_id: int, amount: int = 1000) -> Payment:
        return await service.mark_refunded(conn, order_id, amount)

    with pytest.raises(NotAllowed):
        await do(market, refund, order_id)
    await do(market, pay, order_id)
    assert await do(market, refund, order_id) is Payment.PARTLY_REFUNDED
    assert await do(market, refund, order_id) is Payment.PARTLY_REFUNDED
    for wrong in (1001, 0, -1):
        with pytest.raises(WrongAmount):
            await do(market, lambda conn, n, wrong=wrong: refund(conn, n, wrong), order_id)
    assert await do(market, refund, order_id) is Payment.REFUNDED
    with pytest.raises(WrongAmount):
        await do(market, refund, order_id)
    assert await market.is_sound()


@pytest.mark.parametrize("fit_for_sale", [True, False])
async def test_a_return_is_asked_once_and_brings_goods_and_money_back(market: Market, fit_for_sale: bool) -> None:
    order_id, sku = await order(market)
    await do(market, pay, order_id)
    with pytest.raises(NotAllowed):
        await do(market, lambda conn, n: service.ask_return(conn, n, "too early"), order_id)
    for step in (service.pack, service.ship, service.deliver):
        await do(market, step, order_id)
    await do(market, lambda conn, n: service.ask_return(conn, n, "too ripe"), order_id)
    with pytest.raises(NotAllowed):
        await do(market, lambda conn, n: service.ask_return(conn, n, "again"), order_id)
    await do(market, lambda conn, n: service.decide_return(conn, n, is_accepted=True), order_id)
    assert await state(market) == ("paid", "delivered", "sold")
    await do(market, lambda conn, n: service.receive_return(conn, n, fit_for_sale=fit_for_sale), order_id)
    with pytest.raises(NotAllowed):
        await do(market, lambda conn, n: service.receive_return(conn, n, fit_for_sale=fit_for_sale), order_id)
    assert await state(market) == ("paid", "returned", "back")
    assert await market.stock(sku) == (10 if fit_for_sale else 8)
    assert await market.is_sound()


async def test_a_refused_return_changes_nothing_but_the_story(market: Market) -> None:
    order_id, _ = await order(market, "cash")
    for step in (service.pack, service.ship, service.deliver):
        await do(market, step, order_id)
    await do(market, lambda conn, n: service.ask_return(conn, n, "too ripe"), order_id)
    await do(market, lambda conn, n: service.decide_return(conn, n, is_accepted=False), order_id)
    assert await state(market) == ("paid", "delivered", "sold")
    with pytest.raises(NotAllowed):
        await do(market, lambda conn, n: service.decide_return(conn, n, is_accepted=True), order_id)


STEPS: dict[Fulfilment, Step] = {
    Fulfilment.PACKED: service.pack,
    Fulfilment.SHIPPED: service.ship,
    Fulfilment.DELIVERED: service.deliver,
    Fulfilment.FINISHED: service.finish,
    Fulfilment.CANCELLED: cancel,
    Fulfilment.RETURNED: accept_return,
}
WAYS: dict[Fulfilment, list[Fulfilment]] = {
    Fulfilment.PLACED: [],
    Fulfilment.PACKED: [Fulfilment.PACKED],
    Fulfilment.SHIPPED: [Fulfilment.PACKED, Fulfilment.SHIPPED],
    Fulfilment.DELIVERED: [Fulfilment.PACKED, Fulfilment.SHIPPED, Fulfilment.DELIVERED],
    Fulfilment.FINISHED: [Fulfilment.PACKED, Fulfilment.SHIPPED, Fulfilment.DELIVERED, Fulfilment.FINISHED],
    Fulfilment.CANCELLED: [Fulfilment.CANCELLED],
    Fulfilment.RETURNED: [Fulfilment.PACKED, Fulfilment.SHIPPED, Fulfilment.DELIVERED, Fulfilment.RETURNED],
}


@pytest.mark.parametrize("here", list(Fulfilment))
async def test_s48_each_step_is_possible_exactly_where_the_table_says(market: Market, here: Fulfilment) -> None:
    order_id, _ = await order(market)
    await do(market, pay, order_id)
    for name in WAYS[here]:
        await do(market, STEPS[name], order_id)
    for there, step in STEPS.items():
        # A buyer asks for a return only once the goods have arrived; at the door it is the courier who brings them back.
        legal = there in FULFILMENT_TRANSITIONS[here] and (there, here) != (Fulfilment.RETURNED, Fulfilment.SHIPPED)
        if not legal:
            before = await market.counts()
            with pytest.raises(NotAllowed):
                await do(market, step, order_id)
            assert await market.counts() == before
    assert (await state(market))[1] == here
    assert await market.is_sound()


async def test_holds_that_ended_are_released_and_others_are_not(market: Market) -> None:
    ended, sku = await order(market)
    running, other = await order(market)
    async with market.db.transaction() as conn:
        await conn.execute("UPDATE orders SET hold_until = now() WHERE id = %(id)s", {"id": ended})
    async with market.db.transaction() as conn:
        assert await service.ended_holds(conn, 10) == [ended]
        assert await service.release(conn, ended)
        assert not await service.release(conn, running)
    assert (await market.stock(sku), await market.stock(other)) == (10, 8)
    async with market.db.read() as conn:
        assert await conn.fetch_value("SELECT details FROM order_events WHERE new = 'cancelled'") == {
            "reason": "unpaid"
        }
    assert await market.is_sound()


async def test_guest_orders_join_the_account_that_owns_the_email(market: Market) -> None:
    sku = await market.sku(10)
    await market.buy(
        market.wish((sku, 1), total=2000, email="mei@example.com"),
        market.wish((sku, 1), total=2000, email="x@example.com"),
    )
    mei = await market.account("mei")
    async with market.db.transaction() as conn:
        assert await service.adopt_orders(conn, mei, "mei@example.com") == 1
        rows = await conn.fetch_all("SELECT email, account_id FROM orders ORDER BY id")
    assert [tuple(row) for row in rows] == [("mei@example.com", mei), ("x@example.com", None)]


async def test_goods_come_and_are_written_off(market: Market) -> None:
    sku = await market.sku(3)
    async with market.db.transaction() as conn:
        await receive(conn, sku, 10, "Monday's lorry")
        await write_off(conn, sku, 4, "bruised")
    assert await market.stock(sku) == 9
    with pytest.raises(StockMoved):
        await do(market, lambda conn, n: write_off(conn, n, 10), sku)
    assert await market.is_sound()


@pytest.mark.parametrize("ledger", ["stock_moves", "order_events"])
async def test_the_shop_cannot_rewrite_its_ledgers(market: Market, ledger: str) -> None:
    await order(market)
    for sql in (f"DELETE FROM {ledger}", f"UPDATE {ledger} SET at = now()"):
        with pytest.raises(DbError, match="permission denied"):
            async with market.db.transaction() as conn:
                await conn.execute(sql)


async def test_the_invariants_see_what_is_broken(market: Market) -> None:
    _, sku = await order(market)
    async with market.db.transaction() as conn:
        await conn.execute("UPDATE skus SET stock = stock + 1 WHERE id = %(id)s", {"id": sku})
        await conn.execute("UPDATE delivery_windows SET taken = 0")
        await conn.execute("UPDATE orders SET fulfilment = 'shipped'")
        await conn.execute("UPDATE order_lines SET quantity = 1")
    async with market.db.read() as conn:
        assert set(await broken(conn)) == {"I1", "I4", "I7", "I9"}


async def test_an_erased_person_leaves_settled_orders_and_stays_in_open_ones(market: Market) -> None:
    mei, sku = await market.account("mei"), await market.sku(10)
    done, _waiting = await market.buy(
        market.cash_wish(mei, (sku, 1), total=2000, email="mei@example.com"),
        market.cash_wish(mei, (sku, 1), total=2000, email="mei@example.com"),
    )
    assert isinstance(done, Placed)
    async with market.db.transaction() as conn:
        await cancel(conn, done.order_id)
        await conn.execute("UPDATE accounts SET erased_at = now()")
        assert await forget_erased(conn) == 1
        assert await forget_erased(conn) == 0
        rows = await conn.fetch_all("SELECT email, address, note, total FROM orders ORDER BY id")
    assert tuple(rows[0]) == ("", {}, "", 2000)
    assert rows[1].email == "mei@example.com"
    assert rows[1].address["receiver"] == "Mei"
