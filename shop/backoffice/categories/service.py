"""Changing the tree. It stays a tree: whoever moves a branch holds all of them until the transaction ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from shop import outbox
from shop.backoffice.audit import service as audit
from shop.backoffice.audit.models import Actor
from shop.backoffice.categories.queries import below
from shop.backoffice.goods.texts import gathered, slugs_for, spread
from shop.backoffice.versions import EditConflict
from shop.catalog.categories.models import Category, CategorySlug
from shop.catalog.service import add_category, change_category, rename_category
from shop.db import Connection

WORDS_TASK: Final = "tasks.goods.refresh_words"


class WouldLoop(Exception):
    """A branch cannot hang on itself or on what is below it."""


async def create(conn: Connection, actor: Actor, values: Mapping[str, Any]) -> int:
    """Add a branch behind its neighbours; its id. Raises SlugTaken and SlugMalformed."""
    tree = await _locked(conn)
    name, parent_id = gathered(values, "name"), values["parent"] or None
    slugs = await slugs_for(conn, CategorySlug, {}, name, gathered(values, "slug"))
    made = await add_category(
        conn,
        name=name,
        slugs=slugs,
        description=gathered(values, "description"),
        parent_id=parent_id,
        position=_behind(tree, parent_id),
    )
    if not values["is_visible"]:
        await change_category(conn, made, is_visible=False)
    await _record(conn, actor, "category.created", None, await _again(conn, made))
    return made


async def change(
    conn: Connection, actor: Actor, category_id: int, values: Mapping[str, Any], *, version: int
) -> Category:
    """Other texts, addresses, place or visibility; raises EditConflict, WouldLoop, SlugTaken and SlugMalformed."""
    tree = await _locked(conn)
    before = _edited(tree, category_id, version)
    name, parent_id = gathered(values, "name"), values["parent"] or None
    told: dict[str, Any] = {"name": name, "description": gathered(values, "description")}
    if parent_id != before.parent_id:
        if parent_id in below(tree, category_id):
            raise WouldLoop
        told |= {"parent_id": parent_id, "position": _behind(tree, parent_id)}
    await change_category(conn, category_id, **told, is_visible=values["is_visible"])
    slugs = await slugs_for(conn, CategorySlug, {"category_id": category_id}, name, gathered(values, "slug"))
    await rename_category(conn, category_id, slugs)
    after = await _again(conn, category_id)
    if (before.name, before.parent_id) != (after.name, after.parent_id):
        await outbox.promise(conn, WORDS_TASK, category_id=category_id)
    await _record(conn, actor, "category.changed", before, after)
    return after


async def move(conn: Connection, actor: Actor, category_id: int, steps: int) -> None:
    """Past one neighbour: before it (-1) or behind it (1); at the end of the row it stays."""
    tree = await _locked(conn)
    moved = next(category for category in tree if category.id == category_id)
    row = [category for category in tree if category.parent_id == moved.parent_id]
    here = row.index(moved)
    there = min(max(here + steps, 0), len(row) - 1)
    row.insert(there, row.pop(here))
    for position, category in enumerate(row):
        if category.position != position:
            await change_category(conn, category.id, position=position)
    await audit.record(conn, actor, "category.moved", f"category:{category_id}", {"place": here}, {"place": there})


async def set_picture(conn: Connection, actor: Actor, category_id: int, fingerprint: str | None) -> None:
    """The picture of a category, or none."""
    before = await _again(conn, category_id)
    await change_category(conn, category_id, picture=fingerprint)
    told = ({"picture": before.picture}, {"picture": fingerprint})
    await audit.record(conn, actor, "category.changed", f"category:{category_id}", *told)


def values_of(category: Category) -> dict[str, Any]:
    """A category as the fields of its form hold it."""
    texts = spread(name=category.name, slug=category.slugs, description=category.description)
    return {**texts, "parent": category.parent_id or 0, "is_visible": category.is_visible}


async def _locked(conn: Connection) -> list[Category]:
    return await Category.objects.using(conn).order_by("position", "id").select_for_update(no_key=True)


def _edited(tree: list[Category], category_id: int, version: int) -> Category:
    for category in tree:
        if (category.id, category.version) == (category_id, version):
            return category
    raise EditConflict


def _behind(tree: list[Category], parent_id: int | None) -> int:
    return max((category.position for category in tree if category.parent_id == parent_id), default=-1) + 1


async def _again(conn: Connection, category_id: int) -> Category:
    return await Category.objects.using(conn).get(id=category_id)


async def _record(conn: Connection, actor: Actor, action: str, before: Category | None, after: Category) -> None:
    was = None if before is None else values_of(before)
    await audit.record(conn, actor, action, f"category:{after.id}", was, values_of(after))
