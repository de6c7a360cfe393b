"""What a category is: a branch of the tree with a name, and an address in each language."""

from datetime import datetime

from sqlalchemy import ForeignKey, Identity, Index, func, text

from shop.db import Model, column, to_one


class Category(Model):
    """A branch of the tree; a hidden one is neither shown nor reached, its goods stay on sale elsewhere."""

    __tablename__ = "categories"
    __table_args__ = (Index("categories_by_parent", "parent_id", "position", "id"),)
    id: int = column(Identity(always=True), primary_key=True)
    parent_id: int | None = column(ForeignKey("categories.id", ondelete="RESTRICT"))
    name: dict[str, str] = column()
    description: dict[str, str] = column(server_default="{}")
    slugs: dict[str, str] = column(server_default="{}")
    picture: str | None = column(ForeignKey("media_files.fingerprint"))
    position: int = column(server_default="0")
    is_visible: bool = column(server_default="true")
    version: int = column(server_default="1")
    created_at: datetime = column(server_default=func.now())
    updated_at: datetime = column(server_default=func.now())


class CategorySlug(Model):
    """An address a category has or had; `Category.slugs` copies the current ones."""

    __tablename__ = "category_slugs"
    __table_args__ = (
        Index("category_slugs_current", "category_id", "lang", unique=True, postgresql_where=text("is_current")),
    )
    slug: str = column(primary_key=True)
    lang: str = column(primary_key=True)
    category_id: int = column(ForeignKey("categories.id", ondelete="CASCADE"))
    is_current: bool = column(server_default="true")
    category: Category = to_one("category_id")
