"""What the shop does with its own words: blocks on the home page, and pages. Transactions are the caller's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from shop.content.models import Block, BlockGood, ContentPage
from shop.db import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class NewBlock:
    """A block as an editor makes it; `goods` are product ids by how a shelf shows them ("picture", "text")."""

    kind: str
    title: Mapping[str, str] = field(default_factory=dict)
    text: Mapping[str, str] = field(default_factory=dict)
    picture: str | None = None
    tone: str = "leaf"
    category_id: int | None = None
    product_id: int | None = None
    page_id: int | None = None
    position: int = 0
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    goods: Mapping[str, Sequence[int]] = field(default_factory=dict)


async def add_block(conn: Connection, block: NewBlock) -> int:
    """Puts a block onto the home page; its id."""
    values = {name: getattr(block, name) for name in BLOCK_FIELDS}
    made = await Block.objects.using(conn).create(**values, title=dict(block.title), text=dict(block.text))
    goods = [
        BlockGood(block_id=made.id, product_id=product_id, shown_as=shown_as, position=position)
        for shown_as, products in block.goods.items()
        for position, product_id in enumerate(products)
    ]
    await BlockGood.objects.using(conn).bulk_create(goods)
    return made.id


async def add_page(
    conn: Connection, slug: str, title: Mapping[str, str], body: Mapping[str, str], position: int = 0
) -> int:
    """Publishes a page of the shop's own words; its id."""
    texts = {"title": dict(title), "body": dict(body)}
    return (await ContentPage.objects.using(conn).create(slug=slug, position=position, **texts)).id


BLOCK_FIELDS = (
    "kind",
    "picture",
    "tone",
    "category_id",
    "product_id",
    "page_id",
    "position",
    "starts_at",
    "ends_at",
)
