"""What the managed parts of the shop can tell: home-page blocks and content pages."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from markupsafe import Markup

from shop.catalog.categories.queries import CategoryLink
from shop.catalog.pictures.queries import Picture, picture_of
from shop.catalog.queries import Card, newest_cards, products_by_ids
from shop.content import models
from shop.db import Connection, Min, Now, Q
from shop.i18n import text_in
from shop.richtext import clean

SHELF_SIZE = 6


@dataclass(frozen=True, slots=True)
class Target:
    """Where a block leads: the name of a page and its slug, as `url(target.page, slug=target.slug)`."""

    page: str
    slug: str


@dataclass(frozen=True, slots=True)
class Banner:
    """A slide of the carousel or a promotion: words, a picture, a colour (`tone`) and a way on."""

    id: int
    title: str
    text: str
    tone: str
    picture: Picture | None
    target: Target | None


@dataclass(frozen=True, slots=True)
class Shelf:
    """A category on the home page: goods as pictures, and more goods as text links."""

    id: int
    title: str
    text: str
    category: CategoryLink
    cards: tuple[Card, ...]
    text_goods: tuple[Card, ...]


@dataclass(frozen=True, slots=True)
class HomeBlocks:
    """What stands on the home page now; `tags` name all that its blocks are about, hidden as it may be at the moment."""

    banners: tuple[Banner, ...]
    promotions: tuple[Banner, ...]
    shelves: tuple[Shelf, ...]
    tags: frozenset[str]


@dataclass(frozen=True, slots=True)
class ContentPage:
    """A page of the shop's own words; `body` is clean HTML."""

    slug: str
    title: str
    body: Markup
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class PageLink:
    """A content page as one link."""

    slug: str
    title: str


async def home_blocks(
    conn: Connection, lang: str, *, at: datetime | None = None, besides: int | None = None
) -> HomeBlocks:
    """The blocks whose time has come and not gone, in their order; a preview is `at` another moment, with one block `besides`."""
    rows = await conn.fetch_all(BLOCKS, {"at": at, "besides": besides})
    banners = [_banner(row, lang) for row in rows if row.kind == "banner"]
    promotions = [_banner(row, lang) for row in rows if row.kind == "promotion"]
    shelves = [row for row in rows if row.kind == "shelf" and row.category_is_visible]
    tags = frozenset[str]().union(*(_tags(row) for row in rows))
    # All goods of all shelves in one question.
    named = [product_id for row in shelves for product_id in (*row.pictured, *row.worded)]
    cards = {card.id: card for card in await products_by_ids(conn, named, lang)} if named else {}
    filled = [await _shelf(conn, row, cards, lang) for row in shelves]
    return HomeBlocks(tuple(banners), tuple(promotions), tuple(shelf for shelf in filled if shelf.cards), tags)


async def page_by_slug(conn: Connection, slug: str, lang: str) -> ContentPage | None:
    """The published content page with that slug."""
    page = await models.ContentPage.objects.using(conn).filter(slug=slug, is_published=True).first()
    if page is None:
        return None
    return ContentPage(page.slug, text_in(page.title, lang), clean(text_in(page.body, lang)), page.updated_at)


async def page_links(conn: Connection, lang: str) -> list[PageLink]:
    """Every published content page, for the footer."""
    published = models.ContentPage.objects.using(conn).filter(is_published=True).order_by("position", "id")
    return [PageLink(slug, text_in(title, lang)) for slug, title in await published.values_list("slug", "title")]


async def next_block_turn(conn: Connection) -> datetime | None:
    """When the next block of the home page starts or ends; None when none will."""
    turns = (
        await models.Block.objects.using(conn)
        .filter(is_visible=True)
        .aggregate(
            starts=Min("starts_at", filter=Q(starts_at__gt=Now())), ends=Min("ends_at", filter=Q(ends_at__gt=Now()))
        )
    )
    return min((turn for turn in turns.values() if turn is not None), default=None)


# The home page in one trip: blocks with what they lead to, as far as that can be seen, and their goods as arrays.
BLOCKS = """
SELECT b.id, b.kind, b.title, b.text, b.tone, b.category_id, b.product_id, b.picture AS fingerprint, '{}'::jsonb AS alt,
       m.width, m.height,
       c.slugs AS category_slugs, c.name AS category_name, c.is_visible AS category_is_visible,
       p.slugs AS product_slugs, g.slug AS page_slug,
       (SELECT coalesce(array_agg(product_id ORDER BY position), '{}') FROM block_goods
        WHERE block_id = b.id AND shown_as = 'picture') AS pictured,
       (SELECT coalesce(array_agg(product_id ORDER BY position), '{}') FROM block_goods
        WHERE block_id = b.id AND shown_as = 'text') AS worded
FROM blocks b
LEFT JOIN media_files m ON m.fingerprint = b.picture
LEFT JOIN categories c ON c.id = b.category_id
LEFT JOIN products p ON p.id = b.product_id AND p.status = 'online' AND p.deleted_at IS NULL
LEFT JOIN content_pages g ON g.id = b.page_id AND g.is_published
WHERE b.id = %(besides)s OR b.is_visible
  AND coalesce(b.starts_at <= coalesce(%(at)s::timestamptz, now()), true)
  AND coalesce(coalesce(%(at)s::timestamptz, now()) < b.ends_at, true)
ORDER BY b.position, b.id
"""


def _banner(row: Any, lang: str) -> Banner:
    title, text = text_in(row.title, lang), text_in(row.text, lang)
    return Banner(row.id, title, text, row.tone, picture_of(row, lang), _target(row, lang))


def _tags(row: Any) -> set[str]:
    products = {f"product:{number}" for number in (row.product_id, *row.pictured, *row.worded) if number is not None}
    return products if row.category_id is None else products | {f"category:{row.category_id}"}


def _target(row: Any, lang: str) -> Target | None:
    if row.category_is_visible:
        return Target("catalog.category", text_in(row.category_slugs, lang))
    if row.product_slugs:
        return Target("catalog.product", text_in(row.product_slugs, lang))
    return Target("content.page", row.page_slug) if row.page_slug else None


async def _shelf(conn: Connection, row: Any, cards: Mapping[int, Card], lang: str) -> Shelf:
    pictured = [cards[product_id] for product_id in row.pictured if product_id in cards]
    if not row.pictured:
        pictured = await newest_cards(conn, [row.category_id], lang, SHELF_SIZE)
    worded = [cards[product_id] for product_id in row.worded if product_id in cards]
    category = CategoryLink(row.category_id, text_in(row.category_slugs, lang), text_in(row.category_name, lang))
    title = text_in(row.title, lang) or category.name
    return Shelf(row.id, title, text_in(row.text, lang), category, tuple(pictured), tuple(worded))
