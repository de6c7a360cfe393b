"""The tables of these tests: a small shop with every kind of column and relation. They are nobody else's."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, ClassVar, Self
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Identity, MetaData, UniqueConstraint, func, text

from shop.db import Manager, Model, column, metadata, to_many, to_one


class Table(Model):
    """Keeps the tables out of the shop's own metadata."""

    metadata: ClassVar[MetaData] = MetaData(naming_convention=metadata.naming_convention)


class Status(StrEnum):
    ON = "on"
    OFF = "off"


class Category(Table):
    __tablename__ = "categories"

    id: int = column(Identity(always=True), primary_key=True)
    slug: str = column(unique=True)
    name: str = column()
    parent_id: int | None = column(ForeignKey("categories.id"))
    parent: Category | None = to_one("parent_id")
    products: list[Product] = to_many("products", "category_id")


class Brand(Table):
    __tablename__ = "brands"

    id: int = column(Identity(always=True), primary_key=True)
    name: str = column(unique=True)
    country: str | None = column()


class Product(Table):
    __tablename__ = "products"

    id: int = column(Identity(always=True), primary_key=True)
    slug: str = column(unique=True)
    category_id: int = column(ForeignKey("categories.id"))
    category: Category = to_one("category_id")
    brand_id: int | None = column(ForeignKey("brands.id"))
    brand: Brand | None = to_one("brand_id")
    skus: list[Sku] = to_many("skus", "product_id")


class SkuManager(Manager["Sku"]):
    def cheap(self) -> Self:
        return self.filter(price__lt=500)


class Sku(Table):
    __tablename__ = "skus"
    __table_args__ = (CheckConstraint("price >= 0", name="price_not_negative"),)

    id: int = column(Identity(), primary_key=True)
    slug: str = column(unique=True)
    product_id: int | None = column(ForeignKey("products.id"))
    product: Product | None = to_one("product_id")
    price: int = column()
    stock: int | None = column()
    reserved: int = column(server_default=text("0"))
    status: Status = column(server_default="on")
    weight: Decimal | None = column()
    notes: dict[str, Any] | None = column()
    mark: UUID = column(server_default=func.gen_random_uuid())
    added_at: datetime = column(server_default=func.now())
    objects = SkuManager()


class Seen(Table):
    """A key of two columns."""

    __tablename__ = "seen"
    __table_args__ = (UniqueConstraint("visitor", "place"),)

    visitor: str = column(primary_key=True)
    sku_id: int = column(ForeignKey("skus.id", ondelete="CASCADE"), primary_key=True)
    place: int = column()
    times: int = column(default=1)
