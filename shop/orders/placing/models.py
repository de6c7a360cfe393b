"""What is asked of the till, on which terms, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID

from shop.coupons.models import CouponRefused
from shop.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The shop's own rules for orders; money in minor units, tax rates in hundredths of a percent by tax class.

    `methods` are the ways to pay that are set up, `cash_ceiling` holds where the back office has said nothing else.
    """

    currency: str
    tax_rates: Mapping[str, int]
    hold_seconds: int = 900
    open_orders: int = 3
    units_per_line: int = 99
    cash_ceiling: int = 50_000
    methods: tuple[str, ...] = ("sandbox", "cash")

    @classmethod
    def of(cls, settings: Settings) -> Terms:
        """As the settings of the start say."""
        return cls(
            currency=settings.currency,
            tax_rates=settings.tax_rates,
            open_orders=settings.open_orders,
            units_per_line=settings.units_per_order,
            cash_ceiling=settings.cash_ceiling,
            methods=settings.payment_methods,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchase:
    """One buyer's wish: the lines (SKU id, quantity) of the basket at `cart_version`, and the total the buyer saw.

    `fingerprint` stands for everything the buyer sent and for who sent it: the same `checkout_id` with another one is
    another order under a used name. `network` is the address it came from.
    """

    checkout_id: UUID
    fingerprint: bytes
    account_id: int | None
    is_activated: bool
    email: str
    email_key: str
    lang: str
    network: str
    lines: tuple[tuple[int, int], ...]
    cart_id: int | None
    cart_version: int
    zone_id: int
    window_id: int
    address: Mapping[str, Any]
    method: str
    note: str
    coupon_code: str | None
    seen_total: int


@dataclass(frozen=True, slots=True)
class Placed:
    """The order; `is_repeat` when the same click had placed it before."""

    order_id: int
    number: str
    total: int
    is_repeat: bool = False


class Reason(StrEnum):
    """Why a basket does not become an order."""

    EMPTY = "empty"
    BASKET_CHANGED = "basket_changed"
    CHECKOUT_REUSED = "checkout_reused"
    NOT_SOLD = "not_sold"
    OUT_OF_STOCK = "out_of_stock"
    TOO_MANY_UNITS = "too_many_units"
    WINDOW_CLOSED = "window_closed"
    WINDOW_FULL = "window_full"
    BELOW_MINIMUM = "below_minimum"
    COUPON = "coupon"
    TOTAL_CHANGED = "total_changed"
    TOO_MANY_UNPAID = "too_many_unpaid"
    CASH_NOT_ALLOWED = "cash_not_allowed"
    METHOD_NOT_OFFERED = "method_not_offered"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing has changed; `goods` says how many of each SKU in question can be had, `total` what it would cost now."""

    reason: Reason
    goods: Mapping[int, int] = field(default_factory=dict)
    total: int | None = None
    coupon: CouponRefused | None = None


Answer = Placed | Refused
