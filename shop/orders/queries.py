"""What can be told about orders; every way in asks for proof of whose order it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from shop.cart.pricing import tax_by_rate
from shop.db import Connection, Row
from shop.orders.models import CASH, Fulfilment, Goods, Order, OrderLine, Payment, ReturnRequest


@dataclass(frozen=True, slots=True)
class Placement:
    """The order a checkout has led to: its number, and the fingerprint of what was sent."""

    order_id: int
    number: str
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class OrderPage:
    """An order with its lines, its story (oldest first) and what the buyer asked to give back."""

    order: Order
    lines: tuple[OrderLine, ...]
    events: tuple[Row, ...]
    asked_return: ReturnRequest | None
    seconds_left: int | None

    @property
    def can_be_cancelled(self) -> bool:
        return self.order.fulfilment is Fulfilment.PLACED

    @property
    def can_be_returned(self) -> bool:
        return self.order.fulfilment is Fulfilment.DELIVERED and self.asked_return is None

    @property
    def can_be_reviewed(self) -> bool:
        """Whether its member can say how the goods were."""
        has_arrived = self.order.fulfilment in {Fulfilment.DELIVERED, Fulfilment.FINISHED}
        return has_arrived and self.order.account_id is not None

    @property
    def awaits_payment(self) -> bool:
        """Whether the buyer can pay online at this moment."""
        order = self.order
        is_open = order.payment is Payment.DUE and order.fulfilment is Fulfilment.PLACED and order.method != CASH
        return is_open and bool(self.seconds_left)

    @property
    def is_settled(self) -> bool:
        """Whether nothing more will happen by itself, so that no page need wait for it."""
        return self.order.fulfilment in {Fulfilment.FINISHED, Fulfilment.CANCELLED, Fulfilment.RETURNED}

    @property
    def tax(self) -> Mapping[int, tuple[int, int]]:
        """(sum, tax in it) by rate, freight included."""
        goods = [(line.tax_rate, line.amount - line.discount) for line in self.lines]
        return tax_by_rate(
            [*goods, *([(self.order.freight_tax_rate, self.order.freight)] if self.order.freight else [])]
        )


async def placement_of(conn: Connection, checkout_id: UUID) -> Placement | None:
    """What a checkout has led to, None while it has led to nothing."""
    row = await conn.fetch_one(PLACEMENT, {"id": str(checkout_id)})
    return None if row is None else Placement(row.id, row.number, bytes(row.fingerprint))


async def order_by_number(conn: Connection, number: str) -> Order | None:
    """The order with that number, whoever's it is."""
    row = await conn.fetch_one("SELECT * FROM orders WHERE number = %(number)s", {"number": number})
    return None if row is None else order_of(row)


async def order_by_id(conn: Connection, order_id: int) -> Order | None:
    """The order with that id, for mails and staff."""
    row = await conn.fetch_one("SELECT * FROM orders WHERE id = %(id)s", {"id": order_id})
    return None if row is None else order_of(row)


async def lines_of(conn: Connection, order_id: int) -> list[OrderLine]:
    """An order's lines as they were agreed."""
    rows = await conn.fetch_all("SELECT * FROM order_lines WHERE order_id = %(id)s ORDER BY id", {"id": order_id})
    return [OrderLine(**row.mapping) for row in rows]


async def order_page(conn: Connection, order: Order) -> OrderPage:
    """Everything an order's page says."""
    lines = await lines_of(conn, order.id)
    events = await conn.fetch_all(STORY, {"id": order.id})
    asked = await conn.fetch_one("SELECT * FROM return_requests WHERE order_id = %(id)s", {"id": order.id})
    left = await conn.fetch_value(SECONDS_LEFT, {"id": order.id})
    return OrderPage(
        order, tuple(lines), tuple(events), None if asked is None else ReturnRequest(**asked.mapping), left
    )


async def orders_of(conn: Connection, account_id: int, before: int | None, limit: int) -> list[Order]:
    """A member's orders, newest first; `before` is the id of the last one on the page before."""
    rows = await conn.fetch_all(ORDERS_OF, {"account": account_id, "before": before, "limit": limit})
    return [order_of(row) for row in rows]


async def quantities_of(conn: Connection, order_id: int) -> dict[int, int]:
    """How many of each SKU an order has."""
    rows = await conn.fetch_all("SELECT sku_id, quantity FROM order_lines WHERE order_id = %(id)s", {"id": order_id})
    return {row.sku_id: row.quantity for row in rows}


async def names_of(conn: Connection, sku_ids: list[int]) -> list[dict[str, str]]:
    """What these SKUs are called, per language."""
    rows = await conn.fetch_all(NAMES, {"ids": sku_ids})
    return [row.name for row in rows]


def order_of(row: Row) -> Order:
    """An Order from a whole row, its states as what they are."""
    values = dict(row.mapping)
    values.update(
        payment=Payment(values["payment"]), fulfilment=Fulfilment(values["fulfilment"]), goods=Goods(values["goods"])
    )
    return Order(**values)


PLACEMENT = "SELECT id, number, fingerprint FROM orders WHERE checkout_id = %(id)s::uuid"

STORY = """
SELECT id, at, machine, old, new, actor, details FROM order_events WHERE order_id = %(id)s ORDER BY id
"""

SECONDS_LEFT = """
SELECT greatest(0, ceil(extract(epoch FROM hold_until - now())))::int FROM orders WHERE id = %(id)s
"""

ORDERS_OF = """
SELECT * FROM orders WHERE account_id = %(account)s AND (%(before)s::bigint IS NULL OR id < %(before)s)
ORDER BY id DESC LIMIT %(limit)s
"""

NAMES = "SELECT p.name FROM skus s JOIN products p ON p.id = s.product_id WHERE s.id = ANY(%(ids)s::bigint[])"
