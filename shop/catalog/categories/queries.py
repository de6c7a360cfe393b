"""What the category tree can tell. Hidden categories do not exist here."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shop.catalog.pictures.queries import Picture, picture_of
from shop.db import Connection
from shop.i18n import text_in


@dataclass(frozen=True, slots=True)
class CategoryLink:
    """A category as one link."""

    id: int
    slug: str
    name: str
    picture: Picture | None = None
    children: tuple["CategoryLink", ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryPage:
    """A category with its way up and down; `subtree` holds its id and those of every category below it."""

    id: int
    slug: str
    slugs: Mapping[str, str]
    name: str
    description: str
    picture: Picture | None
    trail: tuple[CategoryLink, ...]
    children: tuple[CategoryLink, ...]
    subtree: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class CategoryMoved:
    """The category lives under another slug."""

    slug: str


async def category_rail(conn: Connection, lang: str) -> tuple[CategoryLink, ...]:
    """The visible tree, two levels deep."""
    rows = await conn.fetch_all(RAIL, {})
    below: dict[int | None, list[Any]] = {}
    for row in rows:
        below.setdefault(row.parent_id, []).append(row)
    return tuple(
        _link(row, lang, tuple(_link(child, lang) for child in below.get(row.id, ()))) for row in below.get(None, ())
    )


async def category_by_slug(conn: Connection, slug: str, lang: str) -> CategoryPage | CategoryMoved | None:
    """The visible category with that slug; CategoryMoved when it was renamed or the slug is another language's."""
    row = await conn.fetch_one(CATEGORY, {"slug": slug, "lang": lang})
    if row is None:
        return None
    current = text_in(row.slugs, lang)
    if current != slug:
        return CategoryMoved(current)
    below = await conn.fetch_all(SUBTREE, {"id": row.id})
    return CategoryPage(
        id=row.id,
        slug=slug,
        slugs=row.slugs,
        name=text_in(row.name, lang),
        description=text_in(row.description, lang),
        picture=picture_of(row, lang),
        trail=await trail_of(conn, row.id, lang),
        children=tuple(_link(child, lang) for child in below if child.parent_id == row.id),
        subtree=(row.id, *(child.id for child in below)),
    )


async def trail_of(conn: Connection, category_id: int, lang: str) -> tuple[CategoryLink, ...]:
    """The way from the root to this category, itself included."""
    return tuple(_link(row, lang) for row in await conn.fetch_all(TRAIL, {"id": category_id}))


async def products_below(conn: Connection, category_id: int, *, after: int, limit: int) -> list[int]:
    """Ids of products in this category and below it, hidden or not, in the order of their ids."""
    rows = await conn.fetch_all(PRODUCTS_BELOW, {"id": category_id, "after": after, "limit": limit})
    return [row.id for row in rows]


# Walks down, through hidden branches too.
PRODUCTS_BELOW = """
WITH RECURSIVE below (id) AS (
    SELECT %(id)s::bigint UNION SELECT c.id FROM categories c JOIN below b ON c.parent_id = b.id)
SELECT p.id FROM products p JOIN below b ON b.id = p.category_id WHERE p.id > %(after)s ORDER BY p.id LIMIT %(limit)s
"""

# One form of row for all four, because two of them walk the tree (WITH RECURSIVE), which no manager can.
COLUMNS = "c.id, c.parent_id, c.slugs, c.name, c.picture AS fingerprint, c.name AS alt, m.width, m.height"

# As COLUMNS says; it is on every page.
RAIL = f"""
SELECT {COLUMNS} FROM categories c LEFT JOIN media_files m ON m.fingerprint = c.picture
WHERE c.is_visible ORDER BY c.position, c.id
"""  # noqa: S608 - the shop's own words, no visitor's

# An address counts first in the language of the visitor, then if it is today's.
CATEGORY = f"""
SELECT {COLUMNS}, c.description
FROM category_slugs u JOIN categories c ON c.id = u.category_id LEFT JOIN media_files m ON m.fingerprint = c.picture
WHERE u.slug = %(slug)s AND c.is_visible
ORDER BY u.lang = %(lang)s DESC, u.is_current DESC LIMIT 1
"""  # noqa: S608 - the shop's own words, no visitor's

# Walks down. UNION, not UNION ALL: a loop in the tree, however it came about, ends the walk instead of the request.
SUBTREE = f"""
WITH RECURSIVE below (id) AS (
    SELECT id FROM categories WHERE parent_id = %(id)s AND is_visible
    UNION SELECT c.id FROM categories c JOIN below b ON c.parent_id = b.id WHERE c.is_visible)
SELECT {COLUMNS} FROM below JOIN categories c USING (id) LEFT JOIN media_files m ON m.fingerprint = c.picture
WHERE c.id <> %(id)s ORDER BY c.position, c.id
"""  # noqa: S608 - the shop's own words, no visitor's

# Walks up.
TRAIL = f"""
WITH RECURSIVE up (id, parent_id, steps) AS (
    SELECT id, parent_id, 0 FROM categories WHERE id = %(id)s
    UNION SELECT c.id, c.parent_id, up.steps + 1 FROM categories c JOIN up ON c.id = up.parent_id WHERE up.steps < 10)
SELECT {COLUMNS} FROM up JOIN categories c USING (id) LEFT JOIN media_files m ON m.fingerprint = c.picture
ORDER BY up.steps DESC
"""  # noqa: S608 - the shop's own words, no visitor's


def _link(row: Any, lang: str, children: tuple[CategoryLink, ...] = ()) -> CategoryLink:
    name = text_in(row.name, lang)
    return CategoryLink(row.id, text_in(row.slugs, lang), name, picture_of(row, lang), children)
