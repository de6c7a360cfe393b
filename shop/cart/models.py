"""A basket and its lines; it belongs to an account or to whoever holds the cookie behind the hash."""

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import ForeignKey, Identity, Index, Uuid, func, text
from sqlalchemy.dialects.postgresql import ARRAY

from shop.accounts.models import Account
from shop.catalog.models import Sku
from shop.db import Model, column, to_one

AT_MOST: Final = 99
LINES_AT_MOST: Final = 100
GUEST_DAYS: Final = 60


class NotSold(Exception):
    """There are no such goods, or they are not on sale at the moment."""


class NotEnough(Exception):
    """More is wanted than can be had; `available` pieces are left."""

    def __init__(self, available: int) -> None:
        super().__init__(f"{available} left")
        self.available = available


class BasketFull(Exception):
    """The basket holds as many different goods as it can."""


class Cart(Model):
    """One basket; `version` rises with every change, so that an old page cannot order what it does not show.

    `recent_adds` are the ids of what was put in last: the same request once more adds nothing.
    """

    __tablename__ = "carts"
    id: int = column(Identity(always=True), primary_key=True)
    account_id: int | None = column(ForeignKey("accounts.id", ondelete="CASCADE"), unique=True)
    account: Account | None = to_one("account_id")
    cookie_hash: bytes | None = column(unique=True)
    version: int = column(server_default=text("0"))
    coupon_code: str | None = column()
    place: dict[str, str] = column(server_default="{}")
    recent_adds: list[UUID] = column(ARRAY(Uuid()), server_default="{}")
    created_at: datetime = column(server_default=func.now())
    updated_at: datetime = column(server_default=func.now())


class CartLine(Model):
    """So many of a SKU; `price_seen` is what one piece cost when its owner last set the line."""

    __tablename__ = "cart_lines"
    __table_args__ = (Index("cart_lines_by_sku", "sku_id"),)
    cart_id: int = column(ForeignKey("carts.id", ondelete="CASCADE"), primary_key=True)
    cart: Cart = to_one("cart_id")
    sku_id: int = column(ForeignKey("skus.id", ondelete="CASCADE"), primary_key=True)
    sku: Sku = to_one("sku_id")
    quantity: int = column()
    is_saved: bool = column(server_default=text("false"))
    price_seen: int = column()
    added_at: datetime = column(server_default=func.now())
