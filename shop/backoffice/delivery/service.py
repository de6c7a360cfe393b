"""Zones and areas made and changed; baskets count with them from their next look on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from shop.backoffice.audit import service as audit
from shop.backoffice.audit.models import Actor
from shop.backoffice.content.service import completed
from shop.backoffice.versions import EditConflict
from shop.db import Connection
from shop.delivery.models import Area, Zone


async def every_zone(conn: Connection) -> list[Zone]:
    """All of them, in their order."""
    return await Zone.objects.using(conn).order_by("position", "id")


async def areas_of(conn: Connection, zone_id: int) -> list[Area]:
    """What belongs to a zone."""
    return await Area.objects.using(conn).filter(zone_id=zone_id).order_by("id")


async def create(conn: Connection, actor: Actor, kind: str, values: Mapping[str, Any]) -> int:
    """A zone behind all others; its id."""
    last = max((zone.position for zone in await every_zone(conn)), default=-1)
    made = await Zone.objects.using(conn).create(kind=kind, position=last + 1, **values)
    await audit.record(conn, actor, "zone.created", f"zone:{made.id}", None, _told({"kind": kind, **values}))
    return made.id


async def change(conn: Connection, actor: Actor, zone: Zone, version: int, values: Mapping[str, Any]) -> None:
    """Another name or price; raises EditConflict."""
    if not await Zone.objects.using(conn).filter(id=zone.id, version=version).update(**values, version=version + 1):
        raise EditConflict
    before = {name: getattr(zone, name) for name in values}
    await audit.record(conn, actor, "zone.changed", f"zone:{zone.id}", _told(before), _told(values))


async def arrange(conn: Connection, actor: Actor, order: Sequence[int]) -> None:
    """All zones in this order."""
    zones = await Zone.objects.using(conn).order_by("position", "id").select_for_update(no_key=True)
    before = [zone.id for zone in zones]
    after = completed(order, before)
    for position, zone_id in enumerate(after):
        await Zone.objects.using(conn).filter(id=zone_id).exclude(position=position).update(position=position)
    if after != before:
        await audit.record(conn, actor, "zone.moved", "zone:order", {"order": before}, {"order": after})


async def add_area(conn: Connection, actor: Actor, zone: Zone, values: Mapping[str, Any]) -> None:
    """Something more belongs to a zone; raises UniqueViolation where it belongs to one already."""
    await Area.objects.using(conn).create(zone_id=zone.id, **values)
    await audit.record(conn, actor, "zone.changed", f"zone:{zone.id}", None, {"area": area_in_words(values)})


async def remove_area(conn: Connection, actor: Actor, area: Area) -> None:
    """An area that is not served by its zone any more."""
    if await Area.objects.using(conn).filter(id=area.id).delete():
        values = {name: getattr(area, name) for name in ("country", "city_key", "district_key", "postcode_prefix")}
        await audit.record(conn, actor, "zone.changed", f"zone:{area.zone_id}", {"area": area_in_words(values)}, None)


def area_in_words(values: Mapping[str, Any]) -> str:
    """ "CN · suzhou · 2150": an area as one text."""
    return " · ".join(value for value in values.values() if value)


def _told(values: Mapping[str, Any]) -> dict[str, Any]:
    # The address of a counter is nobody's own: under another name the log keeps it.
    return {"counter" if name == "address" else name: value for name, value in values.items()}
