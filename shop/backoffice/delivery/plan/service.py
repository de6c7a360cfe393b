"""The weekly plan changed, with the windows that nobody has taken yet; and the room of one window."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from shop.backoffice.audit import service as audit
from shop.backoffice.audit.models import Actor
from shop.backoffice.versions import EditConflict
from shop.db import Connection, Now
from shop.delivery.models import PlannedWindow, Window
from shop.delivery.service import DAYS_AHEAD, make_windows
from shop.orders.models import Order

NAMES = ("weekday", "starts", "ends", "cutoff_minutes", "capacity")
SHOWN = 100


class RoomChanged(Exception):
    """Another room was set meanwhile than the one that was seen; `args` is it."""


class TooFull(Exception):
    """More orders have taken the window than it would have room for; `args` is how many."""


async def plan_of(conn: Connection, zone_id: int) -> list[PlannedWindow]:
    """The week of a zone."""
    return await PlannedWindow.objects.using(conn).filter(zone_id=zone_id).order_by("weekday", "starts", "ends")


async def coming_windows(conn: Connection, zone_id: int) -> list[Window]:
    """The windows of a zone that are not over, soonest first."""
    coming = Window.objects.using(conn).filter(zone_id=zone_id, ends_at__gt=Now())
    return await coming.order_by("starts_at", "ends_at")[:SHOWN]


async def add(
    conn: Connection, actor: Actor, zone_id: int, values: Mapping[str, Any], today: date, timezone: ZoneInfo
) -> None:
    """Another entry of the plan, and its windows at once; raises UniqueViolation."""
    await PlannedWindow.objects.using(conn).create(zone_id=zone_id, **values)
    await make_windows(conn, today, timezone)
    await audit.record(conn, actor, "plan.created", f"zone:{zone_id}", None, values)


async def change(
    conn: Connection,
    actor: Actor,
    entry: PlannedWindow,
    version: int,
    values: Mapping[str, Any],
    today: date,
    timezone: ZoneInfo,
) -> None:
    """Another entry in its place; windows that orders have taken stay as they are. Raises EditConflict and UniqueViolation."""
    same = PlannedWindow.objects.using(conn).filter(id=entry.id, version=version)
    if not await same.update(**values, version=version + 1):
        raise EditConflict
    await _forget_windows(conn, entry, today, timezone)
    await make_windows(conn, today, timezone)
    before = {name: getattr(entry, name) for name in NAMES}
    await audit.record(conn, actor, "plan.changed", f"zone:{entry.zone_id}", before, values)


async def remove(conn: Connection, actor: Actor, entry: PlannedWindow, today: date, timezone: ZoneInfo) -> None:
    """The end of an entry; windows that orders have taken stay."""
    if await PlannedWindow.objects.using(conn).filter(id=entry.id).delete():
        await _forget_windows(conn, entry, today, timezone)
        before = {name: getattr(entry, name) for name in NAMES}
        await audit.record(conn, actor, "plan.deleted", f"zone:{entry.zone_id}", before, None)


async def set_capacity(conn: Connection, actor: Actor, window_id: int, capacity: int, seen: int) -> Window:
    """Room for more or fewer orders in one window than was `seen`.

    Raises RoomChanged, TooFull below what is taken, and Window.DoesNotExist.
    """
    window = await Window.objects.using(conn).select_for_update(no_key=True).get(id=window_id)
    if window.capacity not in (seen, capacity):
        raise RoomChanged(window.capacity)
    if capacity < window.taken:
        raise TooFull(window.taken)
    await Window.objects.using(conn).filter(id=window_id).update(capacity=capacity)
    before, after = ({"starts_at": window.starts_at, "capacity": room} for room in (window.capacity, capacity))
    await audit.record(conn, actor, "window.changed", f"zone:{window.zone_id}", before, after)
    return window


async def _forget_windows(conn: Connection, entry: PlannedWindow, today: date, timezone: ZoneInfo) -> None:
    """Takes the coming windows of an entry away, but those an order stands for, cancelled ones too."""
    days = [today + timedelta(days=number) for number in range(DAYS_AHEAD + 1)]
    starts = [
        datetime.combine(day, entry.starts, timezone).astimezone(UTC) for day in days if day.weekday() == entry.weekday
    ]
    windows = Window.objects.using(conn).filter(zone_id=entry.zone_id, starts_at__in=starts, taken=0)
    # Locked: whoever wants one of them now waits, and is told that it can no longer be chosen.
    found = {
        window.id
        for window in await windows.order_by("id").select_for_update()
        if window.ends_at.astimezone(timezone).time() == entry.ends
    }
    kept = set(await Order.objects.using(conn).filter(window_id__in=list(found)).values_list("window_id", flat=True))
    await Window.objects.using(conn).filter(id__in=list(found - kept)).delete()
