"""What the shop sells. Prices are minor currency units, weights grams; texts of goods are kept per language."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import (
    Computed,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from shop.catalog.categories.models import Category
from shop.db import Model, column, to_one
from shop.i18n import N_

# The fourteen of Regulation (EU) No 1169/2011, annex II; the database knows no others.
ALLERGENS = {
    "celery": N_("celery"),
    "crustaceans": N_("crustaceans"),
    "eggs": N_("eggs"),
    "fish": N_("fish"),
    "gluten": N_("gluten"),
    "lupin": N_("lupin"),
    "milk": N_("milk"),
    "molluscs": N_("molluscs"),
    "mustard": N_("mustard"),
    "nuts": N_("nuts"),
    "peanuts": N_("peanuts"),
    "sesame": N_("sesame"),
    "soya": N_("soya"),
    "sulphites": N_("sulphites"),
}

LISTED = text("is_listed")


class ProductStatus(StrEnum):
    """Only ONLINE goods are shown, searched and bought."""

    DRAFT = "draft"
    ONLINE = "online"
    OFFLINE = "offline"


class SkuStatus(StrEnum):
    """Whether one size of a product can be chosen."""

    ONLINE = "online"
    OFFLINE = "offline"


class Keeping(StrEnum):
    """How goods are kept and delivered."""

    AMBIENT = "ambient"
    CHILLED = "chilled"
    FROZEN = "frozen"


class Product(Model):
    """What a page is about (the SPU); `description` is rich text.

    `online_from` and `online_until` are changes of the status to come; each is forgotten once it was made.
    """

    __tablename__ = "products"
    __table_args__ = (
        UniqueConstraint("id", "category_id", "keeping"),
        Index("products_by_category", "category_id"),
        Index("products_by_online_from", "online_from", postgresql_where=text("online_from IS NOT NULL")),
        Index("products_by_online_until", "online_until", postgresql_where=text("online_until IS NOT NULL")),
    )
    id: int = column(Identity(always=True), primary_key=True)
    category_id: int = column(ForeignKey("categories.id", ondelete="RESTRICT"))
    name: dict[str, str] = column()
    subtitle: dict[str, str] = column(server_default="{}")
    description: dict[str, str] = column(server_default="{}")
    ingredients: dict[str, str] = column(server_default="{}")
    storage: dict[str, str] = column(server_default="{}")
    slugs: dict[str, str] = column(server_default="{}")
    keeping: Keeping = column(server_default="ambient")
    shelf_life_days: int | None = column()
    status: ProductStatus = column(server_default="draft")
    online_from: datetime | None = column()
    online_until: datetime | None = column()
    version: int = column(server_default="1")
    created_at: datetime = column(server_default=func.now())
    updated_at: datetime = column(server_default=func.now())
    deleted_at: datetime | None = column()
    category: Category = to_one("category_id")


class ProductSlug(Model):
    """An address a product has or had; `Product.slugs` copies the current ones."""

    __tablename__ = "product_slugs"
    __table_args__ = (
        Index("product_slugs_current", "product_id", "lang", unique=True, postgresql_where=text("is_current")),
    )
    slug: str = column(primary_key=True)
    lang: str = column(primary_key=True)
    product_id: int = column(ForeignKey("products.id", ondelete="CASCADE"))
    is_current: bool = column(server_default="true")
    product: Product = to_one("product_id")


class Origin(Model):
    """Where goods come from."""

    __tablename__ = "origins"
    id: int = column(Identity(always=True), primary_key=True)
    code: str = column(unique=True)
    name: dict[str, str] = column()
    # Whether further goods may name it; those that do keep it.
    is_offered: bool = column(server_default="true")
    version: int = column(server_default="1")


class Sku(Model):
    """What is put into a basket: one size of a product, with its price and stock.

    The database keeps `category_id` and `keeping` (copies of the product's) and `is_listed` (the one shown on cards) true.
    Of a list's goods those with the highest `featured` come first.
    """

    __tablename__ = "skus"
    __table_args__ = (
        ForeignKeyConstraint(
            ["product_id", "category_id", "keeping"],
            ["products.id", "products.category_id", "products.keeping"],
            onupdate="CASCADE",
            ondelete="CASCADE",
        ),
        Index("skus_by_product", "product_id", "position", "id"),
        Index("skus_one_listed", "product_id", unique=True, postgresql_where=LISTED),
        Index("skus_by_category", "category_id", text("id DESC"), postgresql_where=LISTED),
        Index("skus_by_feature", "category_id", text("featured DESC"), text("id DESC"), postgresql_where=LISTED),
        Index(
            "skus_on_offer",
            "category_id",
            "offer_until",
            postgresql_where=text("is_listed AND offer_price IS NOT NULL"),
        ),
        Index("skus_by_offer_start", "offer_from", postgresql_where=text("offer_price IS NOT NULL")),
        Index("skus_by_tax_class", "tax_class"),
        Index("skus_by_offer_end", "offer_until", postgresql_where=text("offer_price IS NOT NULL")),
    )
    id: int = column(Identity(always=True), primary_key=True)
    product_id: int = column()
    category_id: int = column()
    code: str = column(unique=True)
    name: dict[str, str] = column(server_default="{}")
    unit: dict[str, str] = column()
    price: int = column()
    offer_price: int | None = column()
    offer_from: datetime | None = column()
    offer_until: datetime | None = column()
    weight: int = column()
    price_per_kg: int | None = column(
        Computed("CASE WHEN sold_by_weight THEN round(price * 1000.0 / nullif(weight, 0))::bigint END", persisted=True)
    )
    sold_by_weight: bool = column(server_default="true")
    stock: int = column(server_default="0")
    sold: int = column(server_default="0")
    origin_id: int | None = column(ForeignKey("origins.id"))
    allergens: list[str] = column(ARRAY(Text()), server_default="{}")
    tax_class: str = column(ForeignKey("tax_classes.code"), server_default="reduced")
    status: SkuStatus = column(server_default="online")
    position: int = column(server_default="0")
    keeping: Keeping = column(server_default="ambient")
    featured: int = column(server_default="0")
    is_listed: bool = column(server_default="false")
    version: int = column(server_default="1")
    created_at: datetime = column(server_default=func.now())
    updated_at: datetime = column(server_default=func.now())
    product: Product = to_one("product_id")
    category: Category = to_one("category_id")
    origin: Origin | None = to_one("origin_id")
