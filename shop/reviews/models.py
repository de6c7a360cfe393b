"""A buyer's word on a product: stars from 1 to 5 and a text, seen by others once the shop has read it."""

from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import ForeignKey, Identity, Index, UniqueConstraint, func
from sqlalchemy import text as sql

from shop.accounts.models import Account
from shop.catalog.models import Product
from shop.db import Model, column, to_one

STARS: Final = range(1, 6)
LONGEST: Final = 2000


class ReviewStatus(StrEnum):
    """Only SHOWN reviews are seen by others."""

    PENDING = "pending"
    SHOWN = "shown"
    HIDDEN = "hidden"


class NotBought(Exception):
    """This customer has not been brought this product."""


class Review(Model):
    """One customer's one word on one product; writing again replaces it, to be read again."""

    __tablename__ = "reviews"
    __table_args__ = (
        UniqueConstraint("account_id", "product_id"),
        Index("reviews_shown", "product_id", "id", postgresql_where=sql("status = 'shown'")),
        Index("reviews_pending", "id", postgresql_where=sql("status = 'pending'")),
    )
    id: int = column(Identity(always=True), primary_key=True)
    product_id: int = column(ForeignKey("products.id", ondelete="CASCADE"))
    product: Product = to_one("product_id")
    account_id: int = column(ForeignKey("accounts.id"))
    account: Account = to_one("account_id")
    stars: int = column()
    text: str = column(server_default="")
    lang: str = column()
    status: ReviewStatus = column(server_default="pending")
    written_at: datetime = column(server_default=func.now())
