"""What the shop does with its own words: blocks on the home page, and pages. Transactions are the caller's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

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
    block_id = int(await conn.fetch_value(ADD_BLOCK, {**values, "title": dict(block.title), "text": dict(block.text)}))
    for shown_as, products in block.goods.items():
        for position, product_id in enumerate(products):
            good = {"block_id": block_id, "product_id": product_id, "shown_as": shown_as, "position": position}
            await conn.execute(ADD_GOOD, good)
    return block_id


async def add_page(
    conn: Connection, slug: str, title: Mapping[str, str], body: Mapping[str, str], position: int = 0
) -> int:
    """Publishes a page of the shop's own words; its id."""
    values = {"slug": slug, "title": dict(title), "body": dict(body), "position": position}
    return int(await conn.fetch_value(ADD_PAGE, values))


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
ADD_BLOCK = """
INSERT INTO blocks (kind, title, text, picture, tone, category_id, product_id, page_id, position, starts_at, ends_at)
VALUES (%(kind)s, %(title)s, %(text)s, %(picture)s, %(tone)s, %(category_id)s, %(product_id)s, %(page_id)s, %(position)s,
        %(starts_at)s, %(ends_at)s) RETURNING id
"""
ADD_GOOD = """
INSERT INTO block_goods (block_id, product_id, shown_as, position)
VALUES (%(block_id)s, %(product_id)s, %(shown_as)s, %(position)s)
"""
ADD_PAGE = """
INSERT INTO content_pages (slug, title, body, position)
VALUES (%(slug)s, %(title)s, %(body)s, %(position)s) RETURNING id
"""
