"""What the managed parts of the shop are: blocks of the home page, and pages of the shop's own words."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Identity, Index, func

from shop.db import Model, column


class BlockKind(StrEnum):
    """A slide of the carousel, a promotion, or a category with its goods."""

    BANNER = "banner"
    PROMOTION = "promotion"
    SHELF = "shelf"


class Tone(StrEnum):
    """The colour a block stands on; style sheets know them by these names."""

    LEAF = "leaf"
    WARM = "warm"
    SKY = "sky"
    BERRY = "berry"
    SAND = "sand"


class ShownAs(StrEnum):
    """How a shelf shows one of its goods."""

    PICTURE = "picture"
    TEXT = "text"


class ContentPage(Model):
    """A page such as "Delivery"; its address is the same in every language, `body` is rich text."""

    __tablename__ = "content_pages"
    id: int = column(Identity(always=True), primary_key=True)
    slug: str = column(unique=True)
    title: dict[str, str] = column()
    body: dict[str, str] = column(server_default="{}")
    position: int = column(server_default="0")
    is_published: bool = column(server_default="true")
    updated_at: datetime = column(server_default=func.now())
    version: int = column(server_default="1")


class Block(Model):
    """A block of the home page, shown from `starts_at` until `ends_at`; it leads to one place at most."""

    __tablename__ = "blocks"
    __table_args__ = (Index("blocks_by_position", "position", "id"),)
    id: int = column(Identity(always=True), primary_key=True)
    kind: BlockKind = column()
    title: dict[str, str] = column(server_default="{}")
    text: dict[str, str] = column(server_default="{}")
    picture: str | None = column(ForeignKey("media_files.fingerprint"))
    tone: Tone = column(server_default="leaf")
    category_id: int | None = column(ForeignKey("categories.id", ondelete="CASCADE"))
    product_id: int | None = column(ForeignKey("products.id", ondelete="CASCADE"))
    page_id: int | None = column(ForeignKey("content_pages.id", ondelete="CASCADE"))
    position: int = column(server_default="0")
    starts_at: datetime | None = column()
    ends_at: datetime | None = column()
    is_visible: bool = column(server_default="true")
    updated_at: datetime = column(server_default=func.now())
    version: int = column(server_default="1")


class BlockGood(Model):
    """A product that a shelf shows, as a picture or as a line of text."""

    __tablename__ = "block_goods"
    block_id: int = column(ForeignKey("blocks.id", ondelete="CASCADE"), primary_key=True)
    product_id: int = column(ForeignKey("products.id", ondelete="CASCADE"), primary_key=True)
    shown_as: ShownAs = column(primary_key=True, server_default="picture")
    position: int = column(server_default="0")
