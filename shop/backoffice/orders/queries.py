"""What the staff see of orders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import func

from shop.accounts.models import identity_key
from shop.catalog.models import Sku
from shop.db import Connection, Q
from shop.db.keyset import Page
from shop.db.query import QuerySet
from shop.delivery.models import Window
from shop.orders.models import CASH, Fulfilment, Order, OrderEvent, OrderLine, Payment, ReturnRequest
from shop.orders.queries import lines_of
from shop.payments.models import Payment as Try
from shop.payments.models import Refund, State
from shop.payments.queries import payments_of, refunds_of

OPEN = (Fulfilment.PLACED, Fulfilment.PACKED, Fulfilment.SHIPPED)
READY = Q(method=CASH) | Q(payment__in=(Payment.PAID, Payment.PARTLY_REFUNDED))


@dataclass(frozen=True, slots=True)
class OrderFile:
    """All that is known of one order; the story holds the notes of the staff too."""

    order: Order
    lines: Sequence[OrderLine]
    codes: dict[int, str]
    events: Sequence[OrderEvent]
    payments: Sequence[Try]
    refunds: Sequence[Refund]

    @property
    def does_not_fit(self) -> bool:
        """Whether a payment needs people to look at it."""
        return any(one.state is State.MISMATCH for one in self.payments)

    @property
    def captured(self) -> Try | None:
        """The payment that counts."""
        return next((one for one in self.payments if one.state is State.CAPTURED), None)

    @property
    def given_back(self) -> int:
        """What has gone back or is promised, minor units."""
        return self.captured.refunded if self.captured else self.order.refunded

    @property
    def left(self) -> int:
        """What could still go back, minor units."""
        paid = self.captured.amount if self.captured else self.order.total if self.is_cash_paid else 0
        return paid - self.given_back

    @property
    def is_cash_paid(self) -> bool:
        """Whether the money was taken at the door."""
        return self.order.method == CASH and self.order.payment is not Payment.DUE

    @property
    def can_be_packed(self) -> bool:
        """Whether it waits for its box, paid or to be paid at the door."""
        is_ready = self.order.method == CASH or self.order.payment in {Payment.PAID, Payment.PARTLY_REFUNDED}
        return self.order.fulfilment is Fulfilment.PLACED and is_ready


@dataclass(slots=True)
class Pick:
    """So many of one SKU for a window, and which orders want them."""

    code: str
    line: OrderLine
    quantity: int = 0
    orders: list[tuple[Order, int]] = field(default_factory=list)


async def found_orders(
    conn: Connection,
    size: int,
    *,
    after: str | None = None,
    search: str = "",
    states: Sequence[Fulfilment] = (),
    only_ready: bool = False,
    day: date | None = None,
    zone: ZoneInfo,
    window_id: int | None = None,
) -> Page[Order]:
    """The orders, newest first: whose number or e-mail begins with the words or whose receiver's name holds them."""
    found = Order.objects.using(conn).order_by("-id")
    if search:
        name = func.jsonb_extract_path_text(Order.c.address, "receiver").icontains(search, autoescape=True)
        begins = Order.c.number.startswith(search.upper(), autoescape=True)
        mail = Order.c.email_key.startswith(identity_key(search), autoescape=True)
        found = found.where(begins | mail | name)
    if states:
        found = found.filter(fulfilment__in=states)
    if only_ready:
        found = found.filter(READY)
    if day:
        start = datetime(day.year, day.month, day.day, tzinfo=zone)
        found = found.filter(starts_at__gte=start, starts_at__lt=start + timedelta(days=1))
    if window_id:
        found = found.filter(window_id=window_id)
    return await found.page(size, after=after)


async def windows_of_open_orders(conn: Connection) -> list[Window]:
    """The windows for which something still has to be packed or brought, the next one first."""
    wanted = Order.objects.filter(fulfilment__in=OPEN).values("window_id")
    return await Window.objects.using(conn).select_related("zone").filter(id__in=wanted).order_by("starts_at", "id")


async def order_file(conn: Connection, order: Order) -> OrderFile:
    """One order with everything that belongs to it."""
    lines = await lines_of(conn, order.id)
    events = await OrderEvent.objects.using(conn).filter(order_id=order.id).order_by("id")
    codes = await _codes(conn, [line.sku_id for line in lines])
    return OrderFile(order, lines, codes, events, await payments_of(conn, order.id), await refunds_of(conn, order.id))


async def to_pack(conn: Connection, window_id: int) -> list[Order]:
    """What waits to be packed for a window, oldest first."""
    return await _ready(conn).filter(window_id=window_id).order_by("id")


async def count_to_pack(conn: Connection) -> int:
    """How many orders wait to be packed."""
    return await _ready(conn).count()


async def count_returns(conn: Connection) -> int:
    """How many returns wait for an answer or for their goods."""
    return len(await open_returns(conn))


async def pick_list(conn: Connection, orders: Sequence[Order]) -> list[Pick]:
    """What to take from the shelf for these orders, summed by SKU and in the order of their codes."""
    by_id = {order.id: order for order in orders}
    lines = await OrderLine.objects.using(conn).filter(order_id__in=list(by_id)).order_by("order_id", "id")
    codes = await _codes(conn, [line.sku_id for line in lines])
    picks: dict[int, Pick] = {}
    for line in lines:
        pick = picks.setdefault(line.sku_id, Pick(codes[line.sku_id], line))
        pick.quantity += line.quantity
        pick.orders.append((by_id[line.order_id], line.quantity))
    return sorted(picks.values(), key=lambda pick: pick.code)


async def open_returns(conn: Connection) -> list[ReturnRequest]:
    """Returns that wait for an answer or for their goods, oldest first."""
    awaited = ReturnRequest.objects.using(conn).select_related("order").filter(received_at__isnull=True)
    return await awaited.exclude(is_accepted=False).order_by("asked_at", "order_id")


def _ready(conn: Connection) -> QuerySet[Order]:
    return Order.objects.using(conn).filter(READY, fulfilment=Fulfilment.PLACED)


async def _codes(conn: Connection, sku_ids: Sequence[int]) -> dict[int, str]:
    return dict(await Sku.objects.using(conn).filter(id__in=sorted(set(sku_ids))).values_list("id", "code"))
