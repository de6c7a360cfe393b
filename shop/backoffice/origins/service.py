"""Making, naming and removing origins. The code stands in addresses of lists, so it stays what it was first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shop.backoffice.audit import service as audit
from shop.backoffice.audit.models import Actor
from shop.backoffice.goods.texts import slug_of
from shop.backoffice.versions import EditConflict
from shop.catalog.models import Origin
from shop.db import Connection, ForeignKeyViolation
from shop.words import readings_at_hand


class StillNamed(Exception):
    """Goods come from there."""


async def add(conn: Connection, actor: Actor, values: Mapping[str, Any]) -> Origin:
    """A new origin; its code is made from its English name."""
    await readings_at_hand()
    wanted = slug_of(values["name"]["en"])
    taken = set(await Origin.objects.using(conn).filter(code__startswith=wanted).values_list("code", flat=True))
    code = next(code for code in (wanted, *(f"{wanted}-{n}" for n in range(2, len(taken) + 3))) if code not in taken)
    made = await Origin.objects.using(conn).create(code=code, **values)
    await audit.record(conn, actor, "origin.created", f"origin:{made.id}", None, {"code": code, **values})
    return made


async def change(conn: Connection, actor: Actor, origin: Origin, version: int, values: Mapping[str, Any]) -> None:
    """Another name, or no longer offered; raises EditConflict."""
    same = Origin.objects.using(conn).filter(id=origin.id, version=version)
    if not await same.update(**values, version=version + 1):
        raise EditConflict
    before = {name: getattr(origin, name) for name in values}
    await audit.record(conn, actor, "origin.changed", f"origin:{origin.id}", before, values)


async def remove(conn: Connection, actor: Actor, origin: Origin) -> None:
    """The end of an origin that no goods name; raises StillNamed."""
    try:
        is_gone = await Origin.objects.using(conn).filter(id=origin.id).delete()
    except ForeignKeyViolation:
        raise StillNamed from None
    if is_gone:
        before = {"code": origin.code, "name": origin.name}
        await audit.record(conn, actor, "origin.deleted", f"origin:{origin.id}", before, None)
