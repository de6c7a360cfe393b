"""Adding sizes, changing them, putting them in order. The stock of a size is none of this; goods/service.py moves it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from shop.backoffice.audit import service as audit
from shop.backoffice.audit.models import Actor
from shop.backoffice.goods.texts import gathered, spread
from shop.backoffice.versions import EditConflict
from shop.catalog.models import Sku
from shop.catalog.service import NewSku, add_sku, change_sku, order_skus
from shop.db import Connection, UniqueViolation

PLAIN: Final = ("code", "price", "weight", "sold_by_weight", "tax_class")
OFFER: Final = ("offer_price", "offer_from", "offer_until")


class CodeTaken(Exception):
    """Another size has this code."""


async def create(conn: Connection, actor: Actor, product_id: int, values: Mapping[str, Any]) -> int:
    """Add a size behind the others; its id. Raises CodeTaken."""
    others = (
        await Sku.objects.using(conn)
        .filter(product_id=product_id)
        .order_by("-position")
        .values_list("position", flat=True)
    )
    offer = tuple(values[name] for name in OFFER)
    sku = NewSku(
        **{name: values[name] for name in PLAIN},
        name=gathered(values, "name"),
        unit=gathered(values, "unit"),
        origin_id=values["origin"] or None,
        allergens=tuple(values["allergens"] or ()),
        offer=offer if all(offer) else None,
        position=(others[0] if others else 0) + 1,
    )
    try:
        made = await add_sku(conn, product_id, sku)
    except UniqueViolation:
        raise CodeTaken from None
    if values["status"] == "offline":
        await change_sku(conn, made, status="offline")
    await _record(conn, actor, "sku.created", None, await _again(conn, made))
    return made


async def change(conn: Connection, actor: Actor, sku_id: int, values: Mapping[str, Any], *, version: int) -> None:
    """Everything about a size but its stock; raises EditConflict and CodeTaken."""
    same = Sku.objects.using(conn).filter(id=sku_id, version=version)
    before = await same.select_for_update(no_key=True).first()
    if before is None:
        raise EditConflict
    told = {name: values[name] for name in (*PLAIN, *OFFER, "status")}
    told |= {"name": gathered(values, "name"), "unit": gathered(values, "unit")}
    told |= {"origin_id": values["origin"] or None, "allergens": list(values["allergens"] or ())}
    try:
        await change_sku(conn, sku_id, **told)
    except UniqueViolation:
        raise CodeTaken from None
    await _record(conn, actor, "sku.changed", before, await _again(conn, sku_id))


async def move(conn: Connection, actor: Actor, sku: Sku, steps: int) -> None:
    """Past one neighbour: before it (-1) or behind it (1). The first that is online stands on cards."""
    same = Sku.objects.using(conn).filter(product_id=sku.product_id).order_by("position", "id")
    row = [one.id for one in await same.select_for_update(no_key=True)]
    here = row.index(sku.id)
    there = min(max(here + steps, 0), len(row) - 1)
    row.insert(there, row.pop(here))
    await order_skus(conn, row)
    await audit.record(conn, actor, "sku.moved", f"sku:{sku.id}", {"place": here}, {"place": there})


def values_of(sku: Sku) -> dict[str, Any]:
    """A size as the fields of its form hold it."""
    plain = {name: getattr(sku, name) for name in (*PLAIN, *OFFER, "status", "allergens")}
    return {**spread(name=sku.name, unit=sku.unit), **plain, "origin": sku.origin_id or 0}


async def _again(conn: Connection, sku_id: int) -> Sku:
    return await Sku.objects.using(conn).get(id=sku_id)


async def _record(conn: Connection, actor: Actor, action: str, before: Sku | None, after: Sku) -> None:
    was = None if before is None else values_of(before)
    await audit.record(conn, actor, action, f"sku:{after.id}", was, values_of(after))
