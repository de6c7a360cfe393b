"""How the demo shop delivers: two zones, a counter, a week of windows; an offer and a coupon to try."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time
from zoneinfo import ZoneInfo

from shop.coupons.models import CartRule, DiscountKind
from shop.coupons.service import create_coupon
from shop.db import Connection
from shop.delivery.models import Area, PlannedWindow, Zone, ZoneKind
from shop.delivery.queries import area_key
from shop.delivery.service import make_windows

# Names as people type them in either language; the demo's customers live in and around Shanghai.
CITY = ("Shanghai", "上海市")
COUNTRY = (("Suzhou", "苏州市"), ("Hangzhou", "杭州市"), ("Jiaxing", "嘉兴市"), ("Beijing", "北京市"))
MORNING, NOON, EVENING = (time(9), time(12)), (time(13), time(17)), (time(17), time(21))
COUPON = "FRESH10"


async def fill_delivery(conn: Connection, timezone: ZoneInfo) -> None:
    """Writes zones, plan and windows, one cart rule and one coupon."""
    city = await _zone(conn, {"en": "Shanghai", "zh": "上海市区"}, 800, free_from=9900, minimum=3000, at=[CITY])
    country = await _zone(
        conn, {"en": "Cities around", "zh": "周边城市"}, 1800, free_from=19900, minimum=5000, at=COUNTRY
    )
    counter = await Zone.objects.using(conn).create(
        kind=ZoneKind.PICKUP,
        name={"en": "Our counter", "zh": "门店自提"},
        address={"en": "8 Market Lane, Shanghai", "zh": "上海市集市巷8号"},
        position=9,
    )
    for weekday in range(7):
        await _plan(conn, city, weekday, (MORNING, NOON, EVENING), 40)
        await _plan(conn, counter.id, weekday, (NOON, EVENING), 60)
        if weekday < 6:
            await _plan(conn, country, weekday, (NOON,), 20)
    await make_windows(conn, datetime.now(timezone).date(), timezone)
    fruit = await conn.fetch_value("SELECT id FROM categories WHERE parent_id IS NULL ORDER BY position, id LIMIT 1")
    name = {"en": "10% off from five pieces of fruit", "zh": "水果满五件九折"}
    await CartRule.objects.using(conn).create(
        name=name, kind=DiscountKind.PERCENT, value=10, category_id=fruit, from_quantity=5
    )
    await create_coupon(conn, DiscountKind.FIXED, 1000, code=COUPON, minimum=5000)


async def _zone(
    conn: Connection, name: dict[str, str], freight: int, *, free_from: int, minimum: int, at: Sequence[tuple[str, str]]
) -> int:
    zone = await Zone.objects.using(conn).create(name=name, freight=freight, free_from=free_from, minimum_order=minimum)
    for names in at:
        for key in sorted({area_key(name) for name in names}):
            await Area.objects.using(conn).create(zone_id=zone.id, city_key=key)
    return zone.id


async def _plan(
    conn: Connection, zone_id: int, weekday: int, windows: tuple[tuple[time, time], ...], capacity: int
) -> None:
    for starts, ends in windows:
        await PlannedWindow.objects.using(conn).create(
            zone_id=zone_id, weekday=weekday, starts=starts, ends=ends, capacity=capacity
        )
