"""What can be told about orders; every way in asks for proof of whose order it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from shop.cart.pricing import tax_by_rate
from shop.catalog.models import Sku
from shop.db import Connection
from shop.orders.mails import ANSWERS
from shop.orders.models import CASH, STAFF_NOTE, Fulfilment, Order, OrderEvent, OrderLine, Payment, ReturnRequest


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
    events: tuple[OrderEvent, ...]
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
    order = await Order.objects.using(conn).filter(checkout_id=checkout_id).first()
    return None if order is None else Placement(order.id, order.number, order.fingerprint)


async def order_by_number(conn: Connection, number: str) -> Order | None:
    """The order with that number, whoever's it is."""
    return await Order.objects.using(conn).filter(number=number).first()


async def order_by_id(conn: Connection, order_id: int) -> Order | None:
    """The order with that id, for mails and staff."""
    return await Order.objects.using(conn).filter(id=order_id).first()


async def lines_of(conn: Connection, order_id: int) -> list[OrderLine]:
    """An order's lines as they were agreed."""
    return await OrderLine.objects.using(conn).filter(order_id=order_id).order_by("id")


async def order_page(conn: Connection, order: Order) -> OrderPage:
    """Everything an order's page says to its buyer."""
    lines = await lines_of(conn, order.id)
    events = await OrderEvent.objects.using(conn).filter(order_id=order.id).exclude(new=STAFF_NOTE).order_by("id")
    asked = await ReturnRequest.objects.using(conn).filter(order_id=order.id).first()
    left = await conn.fetch_value(SECONDS_LEFT, {"id": order.id})
    return OrderPage(order, tuple(lines), tuple(events), asked, left)


async def orders_of(conn: Connection, account_id: int, before: int | None, limit: int) -> list[Order]:
    """A member's orders, newest first; `before` is the id of the last one on the page before."""
    own = Order.objects.using(conn).filter(account_id=account_id).order_by("-id")
    return await (own if before is None else own.filter(id__lt=before))[:limit]


async def quantities_of(conn: Connection, order_id: int) -> dict[int, int]:
    """How many of each SKU an order has."""
    return dict(await OrderLine.objects.using(conn).filter(order_id=order_id).values_list("sku_id", "quantity"))


async def names_of(conn: Connection, sku_ids: list[int]) -> list[dict[str, str]]:
    """What these SKUs are called, per language."""
    return await Sku.objects.using(conn).filter(id__in=sku_ids).values_list("product__name", flat=True)


# The server's clock ended the hold, so it also says how much of it is left; managers have no functions of time.
SECONDS_LEFT = """
SELECT greatest(0, ceil(extract(epoch FROM hold_until - now())))::int FROM orders WHERE id = %(id)s
"""


async def answer_to_return(conn: Connection, order_id: int) -> str:
    """What the shop wrote with its answer to a return; "" where it wrote nothing."""
    answers = OrderEvent.objects.using(conn).filter(order_id=order_id, machine="note", new__in=list(ANSWERS))
    last = await answers.order_by("-id").first()
    return str(last.details.get("reason", "")) if last else ""
