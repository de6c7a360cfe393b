"""What can be told of the whole tree, hidden branches included."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from shop.catalog.categories.models import Category
from shop.catalog.models import Product
from shop.db import Connection, Count


@dataclass(frozen=True, slots=True)
class Branch:
    """A category in its place: how deep it stands, and whether a neighbour stands before and after it."""

    category: Category
    depth: int
    is_first: bool
    is_last: bool


async def whole_tree(conn: Connection) -> list[Branch]:
    """Every category, each above those below it."""
    return list(in_order(await Category.objects.using(conn).order_by("position", "id")))


async def goods_by_category(conn: Connection) -> dict[int, int]:
    """How many products stand in each category itself, those in the bin left out."""
    counted = Product.objects.using(conn).filter(deleted_at__isnull=True).values("category_id").annotate(n=Count("*"))
    return {row["category_id"]: row["n"] for row in await counted.order_by("category_id")}


def in_order(categories: list[Category], parent_id: int | None = None, depth: int = 0) -> Iterator[Branch]:
    """The branches below a parent, depth first; what hangs in a loop is not reached."""
    below = [category for category in categories if category.parent_id == parent_id]
    for number, category in enumerate(below):
        yield Branch(category, depth, number == 0, number == len(below) - 1)
        yield from in_order(categories, category.id, depth + 1)


def below(categories: list[Category], category_id: int) -> set[int]:
    """The ids of a category and of all below it."""
    return {category_id} | {branch.category.id for branch in in_order(categories, category_id)}
