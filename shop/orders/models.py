"""An order, its lines and its story; money in minor units, tax rates in hundredths of a percent."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Self
from uuid import UUID

from sqlalchemy import ForeignKey, Identity, Index, UniqueConstraint, func, text

from shop.accounts.models import Account
from shop.db import Manager, Model, column, to_many, to_one


class Payment(StrEnum):
    """Where the money is."""

    DUE = "due"
    PAID = "paid"
    PARTLY_REFUNDED = "partly_refunded"
    REFUNDED = "refunded"


class Fulfilment(StrEnum):
    """Where the goods are."""

    PLACED = "placed"
    PACKED = "packed"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    RETURNED = "returned"


class Goods(StrEnum):
    """Whether the shelf still owes this order its goods, or has them back; it moves forward only."""

    HELD = "held"
    SOLD = "sold"
    BACK = "back"


class Actor(StrEnum):
    """Who made an order move."""

    CUSTOMER = "customer"
    SHOP = "shop"
    STAFF = "staff"
    PROVIDER = "provider"


PAYMENT_TRANSITIONS: Mapping[Payment, frozenset[Payment]] = {
    Payment.DUE: frozenset({Payment.PAID}),
    Payment.PAID: frozenset({Payment.PARTLY_REFUNDED, Payment.REFUNDED}),
    Payment.PARTLY_REFUNDED: frozenset({Payment.PARTLY_REFUNDED, Payment.REFUNDED}),
    Payment.REFUNDED: frozenset(),
}
FULFILMENT_TRANSITIONS: Mapping[Fulfilment, frozenset[Fulfilment]] = {
    Fulfilment.PLACED: frozenset({Fulfilment.PACKED, Fulfilment.CANCELLED}),
    Fulfilment.PACKED: frozenset({Fulfilment.SHIPPED}),
    Fulfilment.SHIPPED: frozenset({Fulfilment.DELIVERED, Fulfilment.RETURNED}),
    Fulfilment.DELIVERED: frozenset({Fulfilment.FINISHED, Fulfilment.RETURNED}),
    Fulfilment.FINISHED: frozenset(),
    Fulfilment.CANCELLED: frozenset(),
    Fulfilment.RETURNED: frozenset(),
}
# The one method that is paid at the door; all others are payment providers by name.
CASH = "cash"
# A step of the story that customers are not shown.
STAFF_NOTE = "staff_note"
HELD = text("hold_until IS NOT NULL")
# Goods that are kept for money at the door.
KEPT_FOR_CASH = text("method = 'cash' AND payment = 'due' AND fulfilment = 'placed'")


class NotAllowed(Exception):
    """The order is not in a state in which that can happen; nothing has changed."""


class OrderManager(Manager["Order"]):
    """The orders, as the steps of an order's life ask for them."""

    def locked(self, *, skip_locked: bool = False) -> Self:
        """Held until the transaction ends; NO KEY, so that what points to an order meanwhile need not wait."""
        return self.select_for_update(skip_locked=skip_locked, of=("self",), no_key=True)


class Order(Model):
    """What was agreed: everything is copied, nothing follows later changes of goods, prices, addresses or names."""

    __tablename__ = "orders"
    __table_args__ = (
        Index("orders_by_account", "account_id", "id"),
        Index("orders_by_email", "email_key", "id"),
        Index("orders_by_window", "window_id"),
        Index("orders_open", "id", postgresql_where=text("fulfilment IN ('placed', 'packed', 'shipped')")),
        Index("orders_unpaid", "hold_until", postgresql_where=HELD),
        Index("orders_unpaid_by_account", "account_id", postgresql_where=HELD),
        Index("orders_unpaid_by_email", "email_key", postgresql_where=HELD),
        Index("orders_unpaid_by_network", "network", postgresql_where=HELD),
        Index("orders_cash_by_account", "account_id", postgresql_where=KEPT_FOR_CASH),
        Index("orders_cash_by_email", "email_key", postgresql_where=KEPT_FOR_CASH),
    )
    id: int = column(Identity(always=True), primary_key=True)
    number: str = column(unique=True)
    checkout_id: UUID = column(unique=True)
    fingerprint: bytes = column()
    account_id: int | None = column(ForeignKey("accounts.id"))
    account: Account | None = to_one("account_id")
    email: str = column()
    email_key: str = column()
    lang: str = column()
    network: str = column(server_default="")
    placed_at: datetime = column(server_default=func.now())
    payment: Payment = column(server_default="due")
    fulfilment: Fulfilment = column(server_default="placed")
    goods: Goods = column(server_default="held")
    method: str = column()
    hold_until: datetime | None = column()
    currency: str = column()
    goods_total: int = column()
    discount: int = column()
    freight: int = column()
    freight_tax_rate: int = column()
    total: int = column()
    refunded: int = column(server_default=text("0"))
    coupon_code: str | None = column()
    zone_id: int = column(ForeignKey("delivery_zones.id"))
    window_id: int = column(ForeignKey("delivery_windows.id"))
    zone_kind: str = column()
    zone_name: dict[str, str] = column()
    starts_at: datetime = column()
    ends_at: datetime = column()
    address: dict[str, Any] = column()
    note: str = column(server_default="")
    lines: list["OrderLine"] = to_many("order_lines", "order_id")
    objects = OrderManager()

    @property
    def is_about_money(self) -> bool:
        """Whether there is anything to say about payment; nobody will pay for what was cancelled before."""
        return self.fulfilment is not Fulfilment.CANCELLED or self.payment is not Payment.DUE


class OrderLine(Model):
    """So many of a SKU as it was named and priced then; `discount` is the line's share of the order's."""

    __tablename__ = "order_lines"
    __table_args__ = (UniqueConstraint("order_id", "sku_id"), Index("order_lines_by_sku", "sku_id"))
    id: int = column(Identity(always=True), primary_key=True)
    order_id: int = column(ForeignKey("orders.id"))
    order: Order = to_one("order_id")
    sku_id: int = column(ForeignKey("skus.id"))
    product_id: int = column(ForeignKey("products.id"))
    name: dict[str, str] = column()
    unit: dict[str, str] = column()
    quantity: int = column()
    unit_price: int = column()
    discount: int = column()
    tax_rate: int = column()

    @property
    def amount(self) -> int:
        """What the line costs before discounts."""
        return self.quantity * self.unit_price


class OrderEvent(Model):
    """One step of an order's story; `machine` is payment, fulfilment or note, and the web role cannot change a row."""

    __tablename__ = "order_events"
    __table_args__ = (Index("order_events_by_order", "order_id", "id"),)
    id: int = column(Identity(always=True), primary_key=True)
    order_id: int = column(ForeignKey("orders.id"))
    order: Order = to_one("order_id")
    at: datetime = column(server_default=func.clock_timestamp())
    machine: str = column()
    old: str = column(server_default="")
    new: str = column()
    actor: Actor = column()
    account_id: int | None = column(ForeignKey("accounts.id"))
    details: dict[str, Any] = column(server_default="{}")


class ReturnRequest(Model):
    """What a buyer wants to give back after delivery: asked, decided by the shop, and received by it."""

    __tablename__ = "return_requests"
    __table_args__ = (
        Index(
            "return_requests_open",
            "order_id",
            postgresql_where=text("is_accepted IS NOT FALSE AND received_at IS NULL"),
        ),
    )
    order_id: int = column(ForeignKey("orders.id"), primary_key=True)
    order: Order = to_one("order_id")
    reason: str = column()
    asked_at: datetime = column(server_default=func.now())
    decided_at: datetime | None = column()
    is_accepted: bool | None = column()
    received_at: datetime | None = column()
