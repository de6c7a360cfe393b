"""Windows: made from the weekly plan, taken by orders, given back."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from shop.db import Connection, F, Row
from shop.delivery.models import PlannedWindow, Window, Zone, ZoneKind

DAYS_AHEAD = 7


async def make_windows(conn: Connection, today: date, timezone: ZoneInfo, days: int = DAYS_AHEAD) -> int:
    """Makes the windows of the coming days, today among them, that the plan has and are not there yet; how many."""
    plan = await PlannedWindow.objects.using(conn)
    coming = [today + timedelta(days=n) for n in range(days)]
    made = [_window(entry, day, timezone) for day in coming for entry in plan if entry.weekday == day.weekday()]
    if not made:
        return 0
    columns = ("zones", "starts", "ends", "cutoffs", "capacities")
    return await conn.execute(MAKE_WINDOWS, dict(zip(columns, map(list, zip(*made, strict=True)), strict=True)))


def _window(entry: PlannedWindow, day: date, timezone: ZoneInfo) -> tuple[object, ...]:
    starts_at = datetime.combine(day, entry.starts, timezone).astimezone(UTC)
    ends_at = datetime.combine(day, entry.ends, timezone).astimezone(UTC)
    return entry.zone_id, starts_at, ends_at, starts_at - timedelta(minutes=entry.cutoff_minutes), entry.capacity


@dataclass(frozen=True, slots=True)
class LockedWindow:
    """A window as it is while nobody else can take it, with the zone it serves."""

    id: int
    zone: Zone
    starts_at: datetime
    ends_at: datetime
    capacity: int
    taken: int
    is_open: bool


async def lock_windows(conn: Connection, ids: Iterable[int]) -> dict[int, LockedWindow]:
    """The windows by id with their zones, locked in id order until the transaction ends."""
    rows = await conn.fetch_all(LOCK_WINDOWS, {"ids": sorted(set(ids))})
    return {row.id: _locked(row) for row in rows}


def _locked(row: Row) -> LockedWindow:
    zone = Zone(
        id=row.zone_id,
        kind=ZoneKind(row.kind),
        name=row.name,
        freight=row.freight,
        free_from=row.free_from,
        minimum_order=row.minimum_order,
    )
    return LockedWindow(row.id, zone, row.starts_at, row.ends_at, row.capacity, row.taken, row.is_open)


async def take_windows(conn: Connection, orders: Mapping[int, int]) -> None:
    """Counts so many more orders in each window; the CHECK behind it refuses one too many."""
    if orders:
        await conn.execute(TAKE_WINDOWS, {"ids": list(orders), "counts": list(orders.values())})


async def give_back_window(conn: Connection, window_id: int) -> None:
    """Frees the room of one order."""
    await Window.objects.using(conn).filter(id=window_id).update(taken=F("taken") - 1)


# A week's windows in one statement (INSERT … unnest) that tells how many of them are new.
MAKE_WINDOWS = """
INSERT INTO delivery_windows (zone_id, starts_at, ends_at, cutoff_at, capacity)
SELECT * FROM unnest(%(zones)s::bigint[], %(starts)s::timestamptz[], %(ends)s::timestamptz[],
                     %(cutoffs)s::timestamptz[], %(capacities)s::bigint[])
ON CONFLICT (zone_id, starts_at, ends_at) DO NOTHING
"""

# Measured by tests/bench/orders.py, and whether a window is open is the server's clock to say.
# NO KEY UPDATE: orders that point to a window meanwhile need not wait.
LOCK_WINDOWS = """
SELECT w.id, w.zone_id, w.starts_at, w.ends_at, w.capacity, w.taken, w.cutoff_at > now() AND z.is_active AS is_open,
       z.kind, z.name, z.freight, z.free_from, z.minimum_order
FROM delivery_windows w JOIN delivery_zones z ON z.id = w.zone_id
WHERE w.id = ANY(%(ids)s::bigint[]) ORDER BY w.id FOR NO KEY UPDATE OF w
"""

# Another number for each row, in one statement; measured by tests/bench/orders.py.
TAKE_WINDOWS = """
UPDATE delivery_windows w SET taken = taken + n.count
FROM unnest(%(ids)s::bigint[], %(counts)s::bigint[]) AS n (id, count) WHERE w.id = n.id
"""
