"""What a list can be asked: its order and its filters."""

import re
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ForeignKey

from shop.catalog.models import Keeping
from shop.db import Model, column


class CategoryFacet(Model):
    """How many listed goods of a category share an origin (0: none given) and a way of keeping; the database counts."""

    __tablename__ = "category_facets"
    category_id: int = column(ForeignKey("categories.id", ondelete="CASCADE"), primary_key=True)
    origin_id: int = column(primary_key=True, server_default="0")
    keeping: Keeping = column(primary_key=True)
    goods: int = column()


class Sort(StrEnum):
    """The order of a list."""

    DEFAULT = "default"
    CHEAPEST = "cheapest"
    DEAREST = "dearest"
    POPULAR = "popular"
    NEWEST = "newest"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page of a list begins: the sort value and SKU id of the row before it (or after it)."""

    value: int
    sku_id: int

    def __str__(self) -> str:
        return f"{self.value}.{self.sku_id}"

    @classmethod
    def read(cls, text: str | None) -> "Place | None":
        """The place a link carried; None for anything else."""
        match = PLACE.fullmatch(text or "")
        return cls(int(match[1]), int(match[2])) if match else None


PLACE = re.compile(r"(-?\d{1,18})\.(\d{1,18})", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a visitor wants to see of a list: order, filters, and the page after (or before) a place."""

    sort: Sort = Sort.DEFAULT
    origins: tuple[str, ...] = ()
    keepings: tuple[str, ...] = ()
    only_offers: bool = False
    only_stock: bool = False
    after: Place | None = None
    before: Place | None = None

    @property
    def is_filtered(self) -> bool:
        return bool(self.origins or self.keepings or self.only_offers or self.only_stock)
