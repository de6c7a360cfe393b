"""Where goods come from is made, named anew, offered no more and removed; lists and goods say so at once."""

from __future__ import annotations

from typing import Any

from shop.catalog.models import Origin, Sku
from shop.db import Database
from tests.backoffice.cast import at_work
from tests.backoffice.test_goods import SIZE, actions, eventually, make, plums
from tests.catalog.stall import put_up_stall
from tests.conftest import Visitor
from tests.world import submit

HAINAN = {"name_en": "Hainan", "name_zh": "海南", "is_offered": "y"}


async def send(client: Visitor, path: str, fields: dict[str, str]) -> tuple[int, str]:
    answer = await submit(client, f"/backoffice/{path}", fields)
    return answer.status, await answer.text()


async def saved(db: Database) -> list[tuple[Any, ...]]:
    async with db.read() as conn:
        found = await Origin.objects.using(conn).order_by("id")
        return [(one.code, one.name, one.is_offered, one.version) for one in found]


async def test_an_origin_is_made_named_anew_and_offered_no_more(db: Database, client: Visitor) -> None:
    stall = await put_up_stall(db)
    await at_work(client, db, "catalogue")
    assert (await send(client, "origins/new", HAINAN))[0] == 303
    assert (await send(client, "origins/new", {"name_en": "Hai nan", "name_zh": "海口", "is_offered": "y"}))[0] == 303
    for twice in (HAINAN | {"name_en": "HAINAN"}, HAINAN | {"name_en": "Hainan island"}, HAINAN | {"name_zh": " "}):
        assert (await send(client, "origins/new", twice))[0] == 422
    made = ("hainan", {"en": "Hainan", "zh": "海南"}, True, 1)
    other = ("hai-nan", {"en": "Hai nan", "zh": "海口"}, True, 1)
    assert await saved(db) == [made, other]

    async with db.transaction() as conn:
        hainan = await Origin.objects.using(conn).get(code="hainan")
        pears = await Sku.objects.using(conn).get(code="PEARS-1")
        apples = await Sku.objects.using(conn).get(code="APPLES-1")
        await Sku.objects.using(conn).filter(id=pears.id).update(origin_id=hainan.id)
        await (
            Sku.objects.using(conn)
            .filter(id=apples.id)
            .update(origin_id=(await Origin.objects.using(conn).get(code="hai-nan")).id)
        )
    await eventually(client, "/categories/fruit", "Hainan")
    renamed = {"name_en": "Hainan Island", "name_zh": "海南岛", "version": "1"}
    assert (await send(client, f"origins/{hainan.id}", renamed))[0] == 303
    assert (await send(client, f"origins/{hainan.id}", {**renamed, "name_en": "Other"}))[0] == 409
    assert await saved(db) == [("hainan", {"en": "Hainan Island", "zh": "海南岛"}, False, 2), other]
    assert "origin=hainan" in await eventually(client, "/categories/fruit", "Hainan Island")
    assert "海南岛" in await eventually(client, "/zh/categories/shui-guo", "海南岛")

    size = f"goods/skus/{pears.id}"
    assert "Hainan Island" in await (await client.get(f"/backoffice/{size}")).text()
    product = await make(client, plums(stall))
    fresh = f"goods/{product}/skus/new"
    assert "Hainan Island" not in await (await client.get(f"/backoffice/{fresh}")).text()
    assert (await send(client, fresh, {**SIZE, "origin": str(hainan.id)}))[0] == 422
    kept = {**SIZE, "code": "PEARS-1", "status": "online", "origin": str(hainan.id), "version": str(pears.version)}
    assert (await send(client, size, kept))[0] == 303
    async with db.read() as conn:
        assert (await Sku.objects.using(conn).get(id=pears.id)).origin_id == hainan.id
        log = [action for action in await actions(conn) if action.startswith("origin")]
        assert log == ["origin.created", "origin.created", "origin.changed"]


async def test_an_origin_that_goods_name_stays(db: Database, client: Visitor) -> None:
    await put_up_stall(db)
    await at_work(client, db, "catalogue")
    await send(client, "origins/new", HAINAN)
    async with db.transaction() as conn:
        hainan = await Origin.objects.using(conn).get()
        await Sku.objects.using(conn).filter(code="PEARS-1").update(origin_id=hainan.id)
    removal = f"origins/{hainan.id}/removal"
    assert (await send(client, removal, {}))[0] == 303
    assert "so it stays" in await (await client.get("/backoffice/origins")).text()
    assert len(await saved(db)) == 1
    async with db.transaction() as conn:
        assert await actions(conn) == ["origin.created"]
        await Sku.objects.using(conn).filter(code="PEARS-1").update(origin_id=None)
    assert (await send(client, removal, {}))[0] == 303
    assert await saved(db) == []
    assert (await client.get(f"/backoffice/{removal}")).status == 404
    async with db.read() as conn:
        assert await actions(conn) == ["origin.created", "origin.deleted"]
