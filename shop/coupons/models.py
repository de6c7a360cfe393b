"""Coupons and cart rules. A fixed `value` is minor currency units, a percent one whole percent of what it applies to."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Self

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, func, text
from sqlalchemy.dialects.postgresql import ARRAY

from shop.db import Manager, Model, Now, Q, column, to_one


class DiscountKind(StrEnum):
    """Money off, or a share off."""

    FIXED = "fixed"
    PERCENT = "percent"


class CouponRefused(StrEnum):
    """Why a coupon does not apply to an order."""

    UNKNOWN = "unknown"
    NOT_YET = "not_yet"
    OVER = "over"
    USED_UP = "used_up"
    USED_BY_YOU = "used_by_you"
    BELOW_MINIMUM = "below_minimum"


@dataclass(frozen=True, slots=True)
class Discount:
    """So much off; of a percentage, halves round up."""

    kind: DiscountKind
    value: int


class Coupon(Model):
    """A code worth something once asked for; `used` counts the orders that hold it, never more than `limit`."""

    __tablename__ = "coupons"
    id: int = column(Identity(always=True), primary_key=True)
    code: str = column(unique=True)
    kind: DiscountKind = column()
    value: int = column()
    minimum: int = column(server_default=text("0"))
    limit: int | None = column()
    once_per_customer: bool = column(server_default=text("true"))
    starts_at: datetime | None = column()
    ends_at: datetime | None = column()
    is_active: bool = column(server_default=text("true"))
    used: int = column(server_default=text("0"))
    version: int = column(server_default=text("1"))


class CouponRedemption(Model):
    """One order's use of a coupon, until that order is cancelled; unique rows keep it to once per customer."""

    __tablename__ = "coupon_redemptions"
    __table_args__ = (
        Index("coupon_redemptions_by_coupon", "coupon_id"),
        Index(
            "coupon_redemptions_once_per_account",
            "coupon_id",
            "account_id",
            unique=True,
            postgresql_where=text("is_once AND released_at IS NULL"),
        ),
        Index(
            "coupon_redemptions_once_per_email",
            "coupon_id",
            "email_key",
            unique=True,
            postgresql_where=text("is_once AND released_at IS NULL"),
        ),
    )
    order_id: int = column(ForeignKey("orders.id", ondelete="CASCADE"), primary_key=True)
    coupon_id: int = column(ForeignKey("coupons.id"))
    coupon: Coupon = to_one("coupon_id")
    account_id: int | None = column(ForeignKey("accounts.id"))
    email_key: str = column()
    is_once: bool = column()
    amount: int = column()
    redeemed_at: datetime = column(server_default=func.now())
    released_at: datetime | None = column()


class CartRuleManager(Manager["CartRule"]):
    """The rules, as a basket asks for them."""

    def in_force(self) -> Self:
        """Those that apply at this moment of the server's clock, in the order in which they apply."""
        begun, lasting = Q(starts_at=None) | Q(starts_at__lte=Now()), Q(ends_at=None) | Q(ends_at__gt=Now())
        return self.filter(begun, lasting, is_active=True).order_by("position", "id")


class CartRule(Model):
    """Something off a category (with all below it) or a list of SKUs, from so many pieces or from such a sum of them."""

    __tablename__ = "cart_rules"
    id: int = column(Identity(always=True), primary_key=True)
    name: dict[str, str] = column()
    kind: DiscountKind = column()
    value: int = column()
    category_id: int | None = column(ForeignKey("categories.id", ondelete="CASCADE"))
    sku_ids: list[int] = column(ARRAY(BigInteger()), server_default="{}")
    from_quantity: int = column(server_default=text("1"))
    from_sum: int = column(server_default=text("0"))
    starts_at: datetime | None = column()
    ends_at: datetime | None = column()
    position: int = column(server_default=text("0"))
    is_active: bool = column(server_default=text("true"))
    version: int = column(server_default=text("1"))
    objects = CartRuleManager()
