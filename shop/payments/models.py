"""A payment is one try to pay an order at one provider; money in minor units with its currency."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, UniqueConstraint, func, text

from shop.accounts.models import Account
from shop.db import Model, column, to_one
from shop.orders.models import Order


class State(StrEnum):
    """What we know of a payment: `captured` is the one that counts, `surplus` came beside it and goes back."""

    OPEN = "open"
    CAPTURED = "captured"
    SURPLUS = "surplus"
    CLOSED = "closed"
    MISMATCH = "mismatch"


# Money may still come after we closed a payment or wondered about it; once it is there, nothing unsays it.
TRANSITIONS: Final[Mapping[State, frozenset[State]]] = {
    State.OPEN: frozenset({State.CAPTURED, State.SURPLUS, State.CLOSED, State.MISMATCH}),
    State.CLOSED: frozenset({State.CAPTURED, State.SURPLUS, State.MISMATCH}),
    State.MISMATCH: frozenset({State.CAPTURED, State.SURPLUS}),
    State.CAPTURED: frozenset(),
    State.SURPLUS: frozenset(),
}


class Status(StrEnum):
    """What a provider says of a payment."""

    PENDING = "pending"
    PAID = "paid"
    CLOSED = "closed"
    UNKNOWN = "unknown"


class Outcome(StrEnum):
    """What a provider's word meant for us; `kept` waits for its payment, `mismatch` needs people."""

    PAID = "paid"
    PAID_AFTER_CANCEL = "paid_after_cancel"
    SURPLUS = "surplus"
    REPEATED = "repeated"
    MISMATCH = "mismatch"
    CLOSED = "closed"
    NOTHING = "nothing"
    KEPT = "kept"


class RefundState(StrEnum):
    """Whether the money went back."""

    ASKED = "asked"
    DONE = "done"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a provider says about the payment with our reference; `trade_no` is its own number for it."""

    provider: str
    reference: str
    status: Status
    trade_no: str = ""
    amount: int = 0
    currency: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice(Report):
    """The same, sent by the provider and verified; repetitions carry the same `event_id`."""

    event_id: str


class Payment(Model):
    """One try to pay; `refunded` counts what has gone back or has been promised to, `ask_at` when the provider is asked next."""

    __tablename__ = "payments"
    __table_args__ = (
        UniqueConstraint("provider", "reference", name="payments_once"),
        UniqueConstraint("provider", "trade_no", name="payments_one_trade"),
        CheckConstraint("state NOT IN ('captured', 'surplus') OR trade_no IS NOT NULL", name="payments_with_trade"),
        CheckConstraint("refunded BETWEEN 0 AND amount", name="payments_refunded"),
        Index("payments_by_order", "order_id", "id"),
        Index("payments_to_ask", "ask_at", postgresql_where=text("ask_at IS NOT NULL")),
        Index("payments_one_open", "order_id", unique=True, postgresql_where=text("state = 'open'")),
        Index("payments_one_captured", "order_id", unique=True, postgresql_where=text("state = 'captured'")),
    )
    id: int = column(Identity(always=True), primary_key=True)
    order_id: int = column(ForeignKey("orders.id"))
    order: Order = to_one("order_id")
    provider: str = column()
    reference: str = column()
    state: State = column(server_default="open")
    amount: int = column()
    currency: str = column()
    trade_no: str | None = column()
    refunded: int = column(server_default=text("0"))
    problem: dict[str, Any] = column(server_default="{}")
    started_at: datetime = column(server_default=func.now())
    expires_at: datetime = column()
    asked_at: datetime | None = column()
    ask_at: datetime | None = column()
    settled_at: datetime | None = column()


class PaymentNotice(Model):
    """A verified notice; the unique row is what makes fifty repetitions one."""

    __tablename__ = "payment_notices"
    __table_args__ = (
        UniqueConstraint("provider", "event_id", name="payment_notices_once"),
        Index("payment_notices_kept", "provider", "reference", postgresql_where=text("processed_at IS NULL")),
    )
    id: int = column(Identity(always=True), primary_key=True)
    provider: str = column()
    event_id: str = column()
    reference: str = column()
    status: str = column()
    trade_no: str = column()
    amount: int = column()
    currency: str = column()
    received_at: datetime = column(server_default=func.now())
    processed_at: datetime | None = column()
    outcome: str = column(server_default="")


class Refund(Model):
    """So much of a payment goes back; the same `key` asked twice is one refund, also at the provider."""

    __tablename__ = "refunds"
    __table_args__ = (Index("refunds_by_payment", "payment_id", "id"),)
    id: int = column(Identity(always=True), primary_key=True)
    payment_id: int = column(ForeignKey("payments.id"))
    payment: Payment = to_one("payment_id")
    key: str = column(unique=True)
    amount: int = column()
    reason: str = column(server_default="")
    account_id: int | None = column(ForeignKey("accounts.id"))
    account: Account | None = to_one("account_id")
    state: RefundState = column(server_default="asked")
    asked_at: datetime = column(server_default=func.now())
    settled_at: datetime | None = column()

    @property
    def request_no(self) -> str:
        """What this refund is called at the provider, however often it is asked for."""
        return f"r{self.id}"
