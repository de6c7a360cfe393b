"""Blocks made, changed, put in order and taken away; the shop forgets the kept page by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from shop.backoffice.audit import service as audit
from shop.backoffice.audit.models import Actor
from shop.backoffice.content.blocks.queries import Goods, every_block, goods_of
from shop.backoffice.content.service import completed
from shop.backoffice.versions import EditConflict
from shop.content.models import Block, BlockGood, BlockKind, ShownAs
from shop.db import Connection, F, Now


async def create(conn: Connection, actor: Actor, kind: BlockKind, values: Mapping[str, Any], goods: Goods) -> int:
    """A block behind all others; its id."""
    last = max((block.position for block in await every_block(conn)), default=-1)
    made = await Block.objects.using(conn).create(kind=kind, position=last + 1, **values)
    await _stock(conn, made.id, goods)
    await audit.record(conn, actor, "block.created", _name(made.id), None, {"kind": kind, **values, **_told(goods)})
    return made.id


async def change(
    conn: Connection, actor: Actor, block: Block, version: int, values: Mapping[str, Any], goods: Goods
) -> None:
    """Other words, another target, time or other goods; raises EditConflict."""
    same = Block.objects.using(conn).filter(id=block.id, version=version)
    if not await same.update(**values, version=version + 1, updated_at=Now()):
        raise EditConflict
    shown = await goods_of(conn, block.id)
    if _told(shown) != _told(goods):
        await BlockGood.objects.using(conn).filter(block_id=block.id).delete()
        await _stock(conn, block.id, goods)
    before = {**{name: getattr(block, name) for name in values}, **_told(shown)}
    await audit.record(conn, actor, "block.changed", _name(block.id), before, {**values, **_told(goods)})


async def arrange(conn: Connection, actor: Actor, order: Sequence[int]) -> None:
    """All blocks in this order."""
    blocks = await Block.objects.using(conn).order_by("position", "id").select_for_update(no_key=True)
    before = [block.id for block in blocks]
    after = completed(order, before)
    for position, block_id in enumerate(after):
        await Block.objects.using(conn).filter(id=block_id).exclude(position=position).update(position=position)
    if after != before:
        await audit.record(conn, actor, "block.moved", _name("order"), {"order": before}, {"order": after})


async def set_picture(conn: Connection, actor: Actor, block: Block, fingerprint: str | None) -> None:
    """The picture of a block, or none."""
    values: dict[str, Any] = {"picture": fingerprint, "version": F("version") + 1, "updated_at": Now()}
    if await Block.objects.using(conn).filter(id=block.id).update(**values):
        told = ({"picture": block.picture}, {"picture": fingerprint})
        await audit.record(conn, actor, "block.changed", _name(block.id), *told)


async def remove(conn: Connection, actor: Actor, block: Block) -> None:
    """The end of a block."""
    if await Block.objects.using(conn).filter(id=block.id).delete():
        before = {"kind": block.kind, "title": block.title}
        await audit.record(conn, actor, "block.deleted", _name(block.id), before, None)


async def _stock(conn: Connection, block_id: int, goods: Goods) -> None:
    shown = {ShownAs.PICTURE: goods.pictured, ShownAs.TEXT: goods.worded}
    rows = [
        BlockGood(block_id=block_id, product_id=product_id, shown_as=shown_as, position=position)
        for shown_as, products in shown.items()
        for position, product_id in enumerate(products)
    ]
    await BlockGood.objects.using(conn).bulk_create(rows)


def _told(goods: Goods) -> dict[str, list[int]]:
    return {"pictured": list(goods.pictured), "worded": list(goods.worded)}


def _name(what: object) -> str:
    return f"block:{what}"
