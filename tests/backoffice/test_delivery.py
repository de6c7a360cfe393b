"""Where, when and for how much: zones with their areas, the week, and the room of one window."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any

from shop.backoffice.audit.models import AuditEntry
from shop.db import Database
from shop.delivery.models import Area, PlannedWindow, Window, Zone
from shop.delivery.queries import Place, zone_for
from shop.orders.placing.models import Placed, Reason, Refused
from tests.backoffice.cast import at_work, token_of
from tests.conftest import Visitor
from tests.orders.market import Market

LAKE = {"kind": "delivery", "name_en": "By the lake", "name_zh": "湖边", "freight": "8", "free_from": "99.50"}
HOURS = {"weekday": "2", "starts": "09:00", "ends": "12:00", "cutoff_minutes": "90", "capacity": "5"}


async def post(client: Visitor, path: str, fields: Any) -> tuple[int, str]:
    async with client.post(path, data=fields, headers=await token_of(client), allow_redirects=False) as answer:
        return answer.status, await answer.text()


async def logged(db: Database) -> list[tuple[str, dict[str, Any]]]:
    async with db.read() as conn:
        return [(row.action, row.changes) for row in await AuditEntry.objects.using(conn).order_by("id")]


async def test_a_zone_is_made_changed_and_given_its_areas(db: Database, client: Visitor) -> None:
    await at_work(client, db, "settings")
    assert "delivers nowhere" in await (await client.get("/backoffice/delivery")).text()
    for wrong in ({"name_zh": ""}, {"freight": "-1"}, {"kind": "drone"}, {"minimum_order": "x"}):
        assert (await post(client, "/backoffice/delivery/new", {**LAKE, **wrong}))[0] == 422
    assert await logged(db) == []
    assert (await post(client, "/backoffice/delivery/new", {**LAKE, "is_active": "y"}))[0] == 303
    async with db.read() as conn:
        zone = await Zone.objects.using(conn).get()
    assert (zone.kind, zone.freight, zone.free_from, zone.minimum_order) == ("delivery", 800, 9950, 0)
    path = f"/backoffice/delivery/{zone.id}"
    changed = {**LAKE, "freight": "9", "minimum_order": "30", "version": "1", "is_active": "y"}
    assert (await post(client, path, changed))[0] == 303
    status, page = await post(client, path, {**changed, "freight": "7"})
    assert (status, "9.00" in page, "7.00" in page) == (409, True, True)

    assert (await post(client, f"{path}/areas", {"country": "CN", "city": "苏州市", "postcode": "215 0"}))[0] == 303
    assert (await post(client, f"{path}/areas", {"country": "CN", "city": "苏州", "postcode": "2150"}))[0] == 422
    assert (await post(client, f"{path}/areas", {"country": "China", "city": "苏州"}))[0] == 422
    async with db.read() as conn:
        area = await Area.objects.using(conn).get()
        found = await zone_for(conn, Place(city="苏州市", postcode="215011"))
    assert (area.city_key, area.postcode_prefix, found and found.freight) == ("苏州", "2150", 900)
    assert (await client.get(f"/zh{path}/areas")).status == 200
    assert (await post(client, f"/backoffice/delivery/areas/{area.id}/removal", {}))[0] == 303
    async with db.read() as conn:
        assert await zone_for(conn, Place(city="苏州市", postcode="215011")) is None
    told = await logged(db)
    assert [action for action, _ in told] == ["zone.created", "zone.changed", "zone.changed", "zone.changed"]
    assert told[1][1] == {"freight": [800, 900], "minimum_order": [0, 3000]}
    assert [told[2][1], told[3][1]] == [{"area": [None, "CN · 苏州 · 2150"]}, {"area": ["CN · 苏州 · 2150", None]}]


async def test_windows_follow_the_plan_but_for_those_that_are_taken(db: Database, client: Visitor) -> None:
    await at_work(client, db, "settings")
    market = await Market.open(db)
    path = f"/backoffice/delivery/{market.zone_id}/plan"
    tomorrow = datetime.now(UTC) + timedelta(days=2)
    hours = {**HOURS, "weekday": str(tomorrow.weekday())}
    for wrong in ({"ends": "08:00"}, {"starts": "dawn"}, {"weekday": "7"}, {"capacity": ""}, {"capacity": "0"}):
        assert (await post(client, path, {**hours, **wrong}))[0] == 422, wrong
    assert (await post(client, path, hours))[0] == 303
    assert (await post(client, path, hours))[0] == 422
    async with db.read() as conn:
        entry = await PlannedWindow.objects.using(conn).get()
        window = await Window.objects.using(conn).exclude(id=market.window_id).get()
    assert (entry.starts, entry.cutoff_minutes, window.capacity) == (time(9), 90, 5)
    assert window.starts_at - window.cutoff_at == timedelta(minutes=90)

    page = f"/backoffice/delivery/hours/{entry.id}"
    assert (await client.get(page)).status == 200
    assert (await post(client, page, {**hours, "capacity": "2", "version": "1"}))[0] == 303
    status, both = await post(client, page, {**hours, "capacity": "7", "cutoff_minutes": "30", "version": "1"})
    assert (status, 'name="version" value="2"' in both) == (409, True)
    for shown in ("30", "90", "7", "2"):
        assert f'<td class="text">{shown}</td>' in both
    async with db.read() as conn:
        assert (await PlannedWindow.objects.using(conn).get()).cutoff_minutes == 90
        window = await Window.objects.using(conn).exclude(id=market.window_id).get()
    assert window.capacity == 2
    sku = await market.sku(9)
    wish = market.wish((sku, 1), total=2000, window_id=window.id)
    assert isinstance(await market.buy_one(wish), Placed)
    assert (await post(client, f"{page}/removal", {}))[0] == 303
    async with db.read() as conn:
        kept = await Window.objects.using(conn).get(id=window.id)
        assert not await PlannedWindow.objects.using(conn).exists()
    assert (kept.taken, kept.capacity) == (1, 2)
    assert [action for action, _ in await logged(db)] == ["plan.created", "plan.changed", "plan.deleted"]


async def test_a_window_has_room_for_what_is_taken_at_least(db: Database, client: Visitor) -> None:
    await at_work(client, db, "settings")
    market = await Market.open(db, room=1)
    sku = await market.sku(9)
    assert isinstance(await market.buy_one(market.wish((sku, 1), total=2000)), Placed)
    path = f"/backoffice/delivery/windows/{market.window_id}/capacity"
    for wrong in ("", "-1", "many", "0"):
        assert (await post(client, path, {"capacity": wrong, "seen": "1"}))[0] == 303
    page = await (await client.get(f"/backoffice/delivery/{market.zone_id}/windows")).text()
    assert "1 order has taken it already." in page
    assert await logged(db) == []
    full = await market.buy_one(market.wish((sku, 1), total=2000))
    assert isinstance(full, Refused)
    assert full.reason is Reason.WINDOW_FULL
    assert (await post(client, path, {"capacity": "2", "seen": "1"}))[0] == 303
    assert (await post(client, path, {"capacity": "5", "seen": "1"}))[0] == 303
    page = await (await client.get(f"/backoffice/delivery/{market.zone_id}/windows")).text()
    assert "Somebody else has set the room to 2 meanwhile. Nothing was changed." in page
    assert isinstance(await market.buy_one(market.wish((sku, 1), total=2000)), Placed)
    assert [(action, changes["capacity"]) for action, changes in await logged(db)] == [("window.changed", [1, 2])]
