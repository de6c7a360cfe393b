"""Orders in the back office: a day at the packing table, money that goes back, and goods that come back."""

import re
from typing import Any

import pytest

from shop.db import Database
from shop.orders import service as orders
from shop.orders.models import Order
from shop.orders.placing.models import Placed
from shop.orders.queries import order_page
from shop.orders.stock.models import StockMove
from shop.payments import service as payments
from shop.payments.models import Notice, Status
from tests.backoffice.cast import at_work, token_of
from tests.conftest import Visitor
from tests.orders.market import Market

STATE = "SELECT payment, fulfilment, goods, refunded FROM orders WHERE id = %(id)s"


async def post(client: Visitor, path: str, fields: Any = None) -> tuple[int, str]:
    async with client.post(f"/backoffice/{path}", data=fields or {}, headers=await token_of(client)) as answer:
        return answer.status, await answer.text()


async def look(client: Visitor, path: str) -> str:
    async with client.get(f"/backoffice/{path}") as answer:
        assert answer.status == 200
        return await answer.text()


async def logged(db: Database) -> list[tuple[str, dict[str, Any]]]:
    async with db.read() as conn:
        rows = await conn.fetch_all("SELECT action, object, changes FROM audit_log ORDER BY id")
    assert {row.object.partition(":")[0] for row in rows} <= {"order"}
    return [(row.action, row.changes) for row in rows]


async def state(db: Database, order_id: int) -> tuple[Any, ...]:
    async with db.read() as conn:
        row = await conn.fetch_one(STATE, {"id": order_id})
    assert row is not None
    return row.payment, row.fulfilment, row.goods, row.refunded


async def bought(market: Market, sku: int, count: int = 2, *, amount: int | None = None, **changes: Any) -> Placed:
    """An order that somebody pays with the sandbox bank at once, or pays another amount than asked."""
    placed = await market.buy_one(market.wish((sku, count), total=1000 + 1000 * count, **changes))
    assert isinstance(placed, Placed)
    async with market.db.transaction() as conn:
        begun = await payments.begin(conn, placed.order_id, "sandbox")
        told: dict[str, Any] = {"provider": "sandbox", "reference": begun.reference, "currency": begun.currency}
        paid = Notice(**told, status=Status.PAID, trade_no="t1", amount=amount or begun.amount, event_id=placed.number)
        await payments.take_notice(conn, paid)
    return placed


async def in_cash(market: Market, sku: int, name: str = "mei") -> Placed:
    placed = await market.buy_one(market.cash_wish(await market.account(name), (sku, 2), total=3000))
    assert isinstance(placed, Placed)
    return placed


async def test_an_order_goes_from_the_queue_into_the_box_and_out_of_the_door(db: Database, client: Visitor) -> None:
    await at_work(client, db, "orders")
    market = await Market.open(db)
    sku = await market.sku(10)
    assert "New ones appear here by themselves" in await look(client, "orders")
    placed = await in_cash(market, sku)
    path = f"orders/{placed.order_id}"
    assert placed.number in await look(client, "orders")
    assert "cash at the door" in await look(client, path)

    async with db.read() as conn:
        line = str(await conn.fetch_value("SELECT id FROM order_lines"))
    assert (await post(client, f"{path}/packing"))[0] == 422
    assert await logged(db) == []
    assert "Packed." in (await post(client, f"{path}/packing", {"line": line}))[1]
    assert "moved on meanwhile" in (await post(client, f"{path}/packing", {"line": line}))[1]
    assert "on its way" in (await post(client, f"{path}/shipping"))[1]
    assert "moved on meanwhile" in (await post(client, f"{path}/shipping"))[1]
    assert "The cash counts as taken" in await look(client, f"{path}/delivery")
    assert "Noted as handed over." in (await post(client, f"{path}/delivery"))[1]
    assert await state(db, placed.order_id) == ("paid", "delivered", "sold", 0)
    assert await logged(db) == [
        ("order.packed", {"fulfilment": ["placed", "packed"]}),
        ("order.shipped", {"fulfilment": ["packed", "shipped"]}),
        ("order.delivered", {"fulfilment": ["shipped", "delivered"], "payment": ["due", "paid"]}),
    ]
    assert placed.number not in await look(client, "orders")
    assert placed.number in await look(client, "orders?state=delivered")
    assert await market.is_sound()


async def test_orders_are_found_by_number_mail_name_state_day_and_window(db: Database, client: Visitor) -> None:
    await at_work(client, db, "orders")
    market = await Market.open(db)
    sku = await market.sku(10)
    first = await bought(market, sku, email="lin@example.com")
    second = await in_cash(market, sku)
    unpaid = await market.buy_one(market.wish((sku, 1), total=2000, address={"receiver": "王小明", "phone": "1"}))
    assert isinstance(unpaid, Placed)
    other = await market.window(5)
    async with db.read() as conn:
        day = await conn.fetch_value("SELECT starts_at AT TIME ZONE 'Asia/Shanghai' FROM orders LIMIT 1")
    numbers = {first.number: "first", second.number: "second", unpaid.number: "unpaid"}
    for query, found in {
        f"q={first.number.lower()}": {"first"},
        "q=lin@": {"first"},
        "q=王小": {"unpaid"},
        "q=nobody%25": set(),
        "state=to_pack": {"first", "second"},
        "state=packed": set(),
        "state=nonsense": {"first", "second", "unpaid"},
        f"day={day:%Y-%m-%d}": {"first", "second", "unpaid"},
        "day=2020-01-01": set(),
        f"window={market.window_id}": {"first", "second", "unpaid"},
        f"window={other}": set(),
        "state=all&after=": {"first", "second", "unpaid"},
    }.items():
        page = await look(client, f"orders?{query}")
        assert {told for number, told in numbers.items() if number in page} == found, query


async def test_the_pick_list_sums_what_a_window_wants_and_leaves_out_what_nobody_paid(
    db: Database, client: Visitor
) -> None:
    await at_work(client, db, "orders")
    market = await Market.open(db)
    sku = await market.sku(20)
    first, second = await bought(market, sku, 3), await in_cash(market, sku)
    unpaid = await market.buy_one(market.wish((sku, 7), total=8000))
    assert isinstance(unpaid, Placed)
    page = await look(client, "orders/picking")
    assert re.findall(r'pick__count">(\d+)<', page) == ["5"]
    assert f"{first.number}: 3, {second.number}: 2" in page
    assert unpaid.number not in page
    assert f"/backoffice/orders/{first.order_id}/packing" in page


async def test_a_cancelled_order_gives_everything_back_once(db: Database, client: Visitor) -> None:
    await at_work(client, db, "orders")
    market = await Market.open(db)
    sku = await market.sku(10)
    placed = await bought(market, sku)
    assert "cannot be undone" in await look(client, f"orders/{placed.order_id}/cancellation")
    for told in ("The order is cancelled", "moved on meanwhile"):
        assert told in (await post(client, f"orders/{placed.order_id}/cancellation", {"reason": "no apples"}))[1]
    assert await state(db, placed.order_id) == ("paid", "cancelled", "back", 0)
    assert await market.stock(sku) == 10
    assert await logged(db) == [
        ("order.cancelled", {"fulfilment": ["placed", "cancelled"], "reason": [None, "no apples"]})
    ]
    assert await market.is_sound()


async def test_part_of_the_money_goes_back_however_often_the_button_is_pressed(db: Database, client: Visitor) -> None:
    await at_work(client, db, "orders")
    market = await Market.open(db)
    placed = await bought(market, await market.sku(10))
    path, part = f"orders/{placed.order_id}/refund", {"amount": "5.50", "reason": "one was soft", "seen": "0"}
    for amount in ("", "0", "-1", "30.01", "much"):
        assert (await post(client, path, {**part, "amount": amount}))[0] == 422
    assert (await post(client, path, {**part, "reason": " "}))[0] == 422
    assert await logged(db) == []
    assert (await post(client, path, part))[0] == 200
    status, page = await post(client, path, part)
    assert (status, "Money has gone back meanwhile" in page) == (422, True)
    async with db.read() as conn:
        rows = await conn.fetch_all("SELECT amount, reason, state FROM refunds")
    assert [(row.amount, row.reason, row.state) for row in rows] == [(550, "one was soft", "asked")]
    assert await logged(db) == [("order.refunded", {"given_back": [0, 550], "reason": [None, "one was soft"]})]
    assert "one was soft" in await look(client, f"orders/{placed.order_id}")


async def test_cash_goes_back_once_and_not_before_it_came(db: Database, client: Visitor) -> None:
    await at_work(client, db, "orders")
    market = await Market.open(db)
    placed = await in_cash(market, await market.sku(10))
    path, part = f"orders/{placed.order_id}/refund", {"amount": "5", "reason": "soft", "seen": "0"}
    assert "Nothing was paid" in (await post(client, path, part))[1]
    async with db.transaction() as conn:
        for step in (orders.pack, orders.ship, orders.deliver):
            await step(conn, placed.order_id)
    assert [(await post(client, path, part))[0] for _ in range(2)] == [200, 422]
    assert await state(db, placed.order_id) == ("partly_refunded", "delivered", "sold", 500)
    assert [action for action, _ in await logged(db)] == ["order.refunded"]


async def test_money_that_does_not_fit_is_shown_loudly_and_nothing_can_be_packed(db: Database, client: Visitor) -> None:
    await at_work(client, db, "orders")
    market = await Market.open(db)
    placed = await bought(market, await market.sku(10), amount=1)
    page = await look(client, f"orders/{placed.order_id}")
    assert "A payment does not fit this order." in page
    assert "/packing" not in page
    assert "moved on meanwhile" in (await post(client, f"orders/{placed.order_id}/packing"))[1]
    assert await logged(db) == []


async def test_s31_a_note_is_for_colleagues_and_neither_the_log_nor_the_customer_reads_it(
    db: Database, client: Visitor
) -> None:
    await at_work(client, db, "orders")
    market = await Market.open(db)
    placed = await bought(market, await market.sku(10))
    text = "<script>alert(1)</script> rings at 13800138000"
    assert (await post(client, f"orders/{placed.order_id}/note", {"text": " "}))[0] == 422
    page = (await post(client, f"orders/{placed.order_id}/note", {"text": text}))[1]
    assert "&lt;script&gt;alert(1)&lt;/script&gt; rings" in page
    assert await logged(db) == [("order.noted", {"note": ["•", "•"]})]
    async with db.read() as conn:
        order = await Order.objects.using(conn).get(id=placed.order_id)
        assert [event.new for event in (await order_page(conn, order)).events] == ["placed", "paid"]


async def test_the_slip_has_the_goods_the_address_and_the_tax(db: Database, client: Visitor) -> None:
    await at_work(client, db, "orders")
    market = await Market.open(db)
    placed = await bought(market, await market.sku(10))
    page = await look(client, f"orders/{placed.order_id}/slip")
    assert all(told in page for told in (placed.number, "Apple", "1 Lane", "13 %", "30.00"))
    assert "苹果" in await look(client, f"../zh/backoffice/orders/{placed.order_id}/slip")


@pytest.mark.parametrize(
    ("fate", "stock", "kinds"), [("restock", 10, ["returned"]), ("write_off", 8, ["returned", "written_off"])]
)
async def test_a_return_is_approved_received_and_paid_back(
    db: Database, client: Visitor, fate: str, stock: int, kinds: list[str]
) -> None:
    await at_work(client, db, "orders")
    market = await Market.open(db)
    sku = await market.sku(10)
    placed = await bought(market, sku)
    answer, receipt = f"returns/{placed.order_id}/answer", f"returns/{placed.order_id}/receipt"
    assert (await client.get(f"/backoffice/{answer}")).status == 404
    async with db.transaction() as conn:
        for step in (orders.pack, orders.ship, orders.deliver):
            await step(conn, placed.order_id)
        await orders.ask_return(conn, placed.order_id, "<b>mouldy</b>")
    assert "&lt;b&gt;mouldy&lt;/b&gt;" in await look(client, "returns")
    assert "moved on meanwhile" in (await post(client, receipt, {"fate": fate}))[1]
    assert (await post(client, answer))[0] == 422
    assert "Approved." in (await post(client, answer, {"answer": "yes"}))[1]
    assert "moved on meanwhile" in (await post(client, answer, {"answer": "no"}))[1]
    assert await state(db, placed.order_id) == ("paid", "delivered", "sold", 0)
    assert (await post(client, receipt, {"fate": "eat"}))[0] == 422
    for told in ("Received.", "moved on meanwhile"):
        assert told in (await post(client, receipt, {"fate": fate}))[1]
    assert await state(db, placed.order_id) == ("paid", "returned", "back", 0)
    assert await market.stock(sku) == stock
    async with db.read() as conn:
        moves = StockMove.objects.using(conn).filter(kind__in=["returned", "written_off"]).order_by("id")
        assert await moves.values_list("kind", flat=True) == kinds
        assert await conn.fetch_value("SELECT count(*) FROM outbox WHERE task = 'tasks.payments.refund'") == 1
    goods = {"restock": "restored", "write_off": "written_off"}[fate]
    assert await logged(db) == [
        ("return.approved", {}),
        ("return.received", {"fulfilment": ["delivered", "returned"], "goods": [None, goods]}),
    ]
    assert await market.is_sound()


async def test_a_rejected_return_changes_nothing_but_the_story(db: Database, client: Visitor) -> None:
    await at_work(client, db, "orders")
    market = await Market.open(db)
    placed = await bought(market, await market.sku(10))
    async with db.transaction() as conn:
        for step in (orders.pack, orders.ship, orders.deliver):
            await step(conn, placed.order_id)
        await orders.ask_return(conn, placed.order_id, "mouldy")
    told = {"answer": "no", "reason": "eaten"}
    assert "Rejected." in (await post(client, f"returns/{placed.order_id}/answer", told))[1]
    assert "moved on meanwhile" in (await post(client, f"returns/{placed.order_id}/receipt", {"fate": "restock"}))[1]
    assert await state(db, placed.order_id) == ("paid", "delivered", "sold", 0)
    assert await logged(db) == [("return.rejected", {"reason": [None, "eaten"]})]


CANARY = "'\"></textarea></script><img src=x onerror=alert(1)>{{7*7}}"


async def test_s26_what_a_buyer_types_is_never_markup_on_the_pages_of_the_staff(db: Database, client: Visitor) -> None:
    await at_work(client, db, "orders", "customers")
    market = await Market.open(db)
    address = dict.fromkeys(("receiver", "phone", "province", "city", "district", "street", "postcode"), CANARY)
    placed = await bought(market, await market.sku(10), address=address | {"country": "CN"}, note=CANARY)
    path, window = f"orders/{placed.order_id}", await window_of(db)
    pages = [f"{path}/packing", f"{path}/cancellation", "orders/picking", f"orders/picking?window={window}"]
    shown = [await look(client, page) for page in (*pages, "orders")]
    async with db.transaction() as conn:
        for step in (orders.pack, orders.ship, orders.deliver):
            await step(conn, placed.order_id)
        await orders.ask_return(conn, placed.order_id, CANARY)
    pages = [path, f"{path}/slip", f"{path}/refund", f"{path}/delivery", "returns", f"returns/{placed.order_id}/answer"]
    shown += [await look(client, page) for page in pages]
    for page in shown:
        assert "<img src=x" not in page
        assert "</textarea></script>" not in page
        assert "alert(1)&gt;49" not in page
    assert sum("&lt;img src=x" in page for page in shown) >= 5


async def window_of(db: Database) -> int:
    async with db.read() as conn:
        return int(await conn.fetch_value("SELECT window_id FROM orders"))
