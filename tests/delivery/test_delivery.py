"""Where goods go, what that costs and when."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from shop.db import CheckViolation, Connection, Database
from shop.delivery.models import Area, PlannedWindow, Zone, ZoneKind
from shop.delivery.queries import Place, area_key, open_windows, zone_for, zones
from shop.delivery.service import make_windows, take_windows

SHANGHAI = ZoneInfo("Asia/Shanghai")
SUNDAY = date(2026, 11, 22)


async def zone(conn: Connection, name: str, *areas: dict[str, str], **values: object) -> int:
    made = await Zone.objects.using(conn).create(name={"en": name}, **values)
    for area in areas:
        await Area.objects.using(conn).create(zone_id=made.id, **area)
    return made.id


@pytest.mark.parametrize(
    ("place", "served_by"),
    [
        (Place(city="Beijing"), "city"),
        (Place(city=" beijing ", district="Chaoyang"), "district"),
        (Place(city="Beijing", district="Haidian", postcode="100084"), "postcode"),
        (Place(city="上海市", district="浦东"), "shanghai"),
        (Place(postcode="1000 84"), "postcode"),
        (Place(city="Chengdu", postcode="610000"), None),
        (Place(country="FR", city="Beijing"), None),
        (Place(), None),
    ],
)
async def test_the_narrowest_area_decides(db: Database, place: Place, served_by: str | None) -> None:
    async with db.transaction() as conn:
        await zone(conn, "city", {"city_key": "beijing"})
        await zone(conn, "district", {"city_key": "beijing", "district_key": "chaoyang"})
        await zone(conn, "postcode", {"postcode_prefix": "1000"})
        await zone(conn, "shanghai", {"city_key": area_key("上海")})
        await zone(conn, "closed", {"city_key": "chengdu"}, is_active=False)
        found = await zone_for(conn, place)
    assert (found.name["en"] if found else None) == served_by


async def test_the_counter_is_not_delivered_to(db: Database) -> None:
    async with db.transaction() as conn:
        await zone(conn, "counter", {"city_key": "beijing"}, kind=ZoneKind.PICKUP)
        assert await zone_for(conn, Place(city="Beijing")) is None
        assert [found.name["en"] for found in await zones(conn, ZoneKind.PICKUP)] == ["counter"]


async def test_windows_are_made_from_the_weekly_plan_once(db: Database) -> None:
    async with db.transaction() as conn:
        city = await zone(conn, "city")
        plan = {"zone_id": city, "starts": time(9), "ends": time(12), "cutoff_minutes": 90, "capacity": 5}
        await PlannedWindow.objects.using(conn).create(weekday=0, **plan)
        await PlannedWindow.objects.using(conn).create(weekday=6, **plan)
        assert await make_windows(conn, SUNDAY, SHANGHAI) == 2
        assert await make_windows(conn, SUNDAY, SHANGHAI) == 0
        rows = await conn.fetch_all(
            "SELECT starts_at, ends_at, cutoff_at, capacity, taken FROM delivery_windows ORDER BY 1"
        )
    assert tuple(rows[1]) == (
        datetime(2026, 11, 23, 1, tzinfo=UTC),
        datetime(2026, 11, 23, 4, tzinfo=UTC),
        datetime(2026, 11, 22, 23, 30, tzinfo=UTC),
        5,
        0,
    )


async def test_only_windows_before_their_cut_off_are_offered(db: Database) -> None:
    async with db.transaction() as conn:
        city = await zone(conn, "city")
        for hours in (-1, 1, 2):
            await conn.execute(
                "INSERT INTO delivery_windows (zone_id, starts_at, ends_at, cutoff_at, capacity) VALUES (%(zone)s,"
                " now() + interval '5 hours' + make_interval(hours => %(h)s), now() + interval '9 hours',"
                " now() + make_interval(hours => %(h)s), 1)",
                {"zone": city, "h": hours},
            )
        assert len(await open_windows(conn, city)) == 2


async def test_the_database_refuses_one_order_too_many(db: Database) -> None:
    async with db.transaction() as conn:
        city = await zone(conn, "city")
        window = await conn.fetch_value(
            "INSERT INTO delivery_windows (zone_id, starts_at, ends_at, cutoff_at, capacity)"
            " VALUES (%(zone)s, now(), now() + interval '1 hour', now(), 1) RETURNING id",
            {"zone": city},
        )
        await take_windows(conn, {window: 1})
    with pytest.raises(CheckViolation):
        async with db.transaction() as conn:
            await take_windows(conn, {window: 1})


def test_names_of_places_meet_however_they_are_written() -> None:
    assert area_key("北京市") == area_key("北京")
    assert area_key("朝阳区 ") == area_key("朝阳")
    assert area_key("ＢＥＩＪＩＮＧ") == "beijing"
    assert area_key("沙市") == "沙市"
