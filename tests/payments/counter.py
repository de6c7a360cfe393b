"""Short ways to an order that waits for its money, and to what a provider says of it."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

from shop.orders import service as orders
from shop.orders.models import Actor
from shop.orders.placing.models import Placed
from shop.payments.models import Notice, Outcome, Payment, Status
from shop.payments.queries import payments_of
from shop.payments.service import begin, take_notice
from tests.orders.market import Market

TOTAL = 3000
# What an order's page offers to pay with.
BUTTON = re.compile(r'name="method" value="([a-z]+)"')


async def unpaid_order(market: Market, **changes: Any) -> Placed:
    """Two pieces of ten, 30.00 in all, to be paid online."""
    sku = await market.sku(10)
    placed = await market.buy_one(market.wish((sku, 2), total=TOTAL, **changes))
    assert isinstance(placed, Placed)
    return placed


async def begun(market: Market, order_id: int, provider: str = "sandbox") -> Payment:
    """The buyer is on the way to the bank."""
    return await market.db.in_transaction(lambda conn: begin(conn, order_id, provider))


def notice(payment: Payment | str, **said: Any) -> Notice:
    """What the bank sends when all is well; `said` replaces facts."""
    reference = payment if isinstance(payment, str) else payment.reference
    facts: dict[str, Any] = {
        "provider": "sandbox",
        "event_id": uuid4().hex,
        "reference": reference,
        "status": Status.PAID,
        "trade_no": f"T-{reference}",
        "amount": TOTAL,
        "currency": "CNY",
    }
    return Notice(**{**facts, **said})


async def hear(market: Market, said: Notice) -> Outcome:
    """The notice arrives."""
    return await market.db.in_transaction(lambda conn: take_notice(conn, said))


async def cancel(market: Market, order_id: int) -> None:
    """The buyer changes their mind."""
    await market.db.in_transaction(lambda conn: orders.cancel(conn, order_id, actor=Actor.CUSTOMER))


async def state(market: Market, order_id: int) -> tuple[str, str, list[str]]:
    """(payment, fulfilment, states of its payments) of an order."""
    async with market.db.read() as conn:
        row = await conn.fetch_one("SELECT payment, fulfilment FROM orders WHERE id = %(id)s", {"id": order_id})
        payments = await payments_of(conn, order_id)
    assert row is not None
    return row.payment, row.fulfilment, [str(payment.state) for payment in payments]


async def promised(market: Market, task: str) -> list[dict[str, Any]]:
    """The arguments of the open promises of a task."""
    async with market.db.read() as conn:
        rows = await conn.fetch_all("SELECT args FROM outbox WHERE task = %(task)s ORDER BY id", {"task": task})
    return [row.args for row in rows]
