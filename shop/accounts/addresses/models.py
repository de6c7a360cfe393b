"""A delivery address of a customer."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import ForeignKey, Identity, Index, func, text

from shop.accounts.models import Account
from shop.db import Model, column, to_one

HOME_COUNTRY: Final = "CN"
AT_MOST: Final = 20


class TooManyAddresses(Exception):
    """The customer already keeps as many addresses as the shop allows."""


class Address(Model):
    """Somewhere goods can be brought; an order keeps a copy, so a row may change or go at any time."""

    __tablename__ = "addresses"
    __table_args__ = (
        Index("addresses_by_account", "account_id", "updated_at"),
        Index("addresses_default", "account_id", unique=True, postgresql_where=text("is_default")),
    )

    id: int = column(Identity(always=True), primary_key=True)
    account_id: int = column(ForeignKey("accounts.id", ondelete="CASCADE"))
    account: Account = to_one("account_id")
    receiver: str = column()
    phone: str = column()
    country: str = column(server_default=HOME_COUNTRY)
    province: str = column(server_default="")
    city: str = column(server_default="")
    district: str = column(server_default="")
    street: str = column()
    postcode: str | None = column()
    is_default: bool = column(server_default=text("false"))
    created_at: datetime = column(server_default=func.now())
    updated_at: datetime = column(server_default=func.now())

    @property
    def lines(self) -> list[str]:
        """The address as it is written on a parcel, from large to small at home and from small to large abroad."""
        area = [part for part in (self.province, self.city, self.district) if part]
        if self.country == HOME_COUNTRY:
            return [" ".join(area), self.street]
        return [self.street, ", ".join(reversed(area))]
