"""In the browser of somebody who works here: fetch a table, bring one back, take it over, and find it in the log."""

from typing import Any

from aiohttp import FormData

from shop.backoffice.tables import service
from shop.backoffice.tables.models import Rules, TableImport
from shop.catalog.service import add_category
from shop.db import Database
from shop.outbox import Outbox
from tests.backoffice.cast import at_work, token_of
from tests.conftest import Visitor

GOODS = """code,product,category,name_en,name_zh,unit_en,price,weight
AP-1,fuji-apples,fruit,Fuji apples,富士苹果,500 g,12.50,500
AP-2,,,,,,,
"""


async def bring(client: Visitor, data: bytes, kind: str = "products") -> int:
    """The status of bringing a file; the browser follows."""
    form = FormData({"kind": kind})
    form.add_field("file", data, filename="../../=cmd.csv")
    async with client.post("/backoffice/tables/bringing", data=form, headers=await token_of(client)) as answer:
        return answer.status


async def the_worker_does(db: Database) -> None:
    """What Celery would do with the promise."""
    async with db.transaction() as conn:
        brought = await TableImport.objects.using(conn).latest("id")
        lines = service.lines_of(brought.kind, brought.data)
        await service.work_on(conn, brought.id, lines, 100, Rules("CNY", ("en", "zh"), ("standard", "reduced", "zero")))


async def test_a_table_is_brought_looked_at_and_taken_over(db: Database, client: Visitor) -> None:
    await at_work(client, db, "catalogue")
    async with db.transaction() as conn:
        await add_category(conn, name={"en": "Fruit"}, slugs={"en": "fruit", "zh": "shui-guo"})
    assert await bring(client, GOODS.encode("gb18030")) == 200
    async with db.read() as conn:
        brought = await TableImport.objects.using(conn).get()
        (promise,) = await Outbox.objects.using(conn).filter(task=service.TASK)
        assert promise.args == {"import_id": brought.id}
    page = await (await client.get(f"/backoffice/tables/imports/{brought.id}")).text()
    assert 'data-progress="on"' in page

    await the_worker_does(db)
    page = await (await client.get(f"/backoffice/tables/imports/{brought.id}")).text()
    assert 'data-progress="off"' in page
    assert "Take over 1 line" in page
    assert "A new code needs the address of its product here." in page
    wrong = await (await client.get(f"/backoffice/tables/imports/{brought.id}/errors.csv")).read()
    assert wrong.decode("utf-8-sig").splitlines()[1].startswith("3,product: A new code needs")

    for _ in range(2):
        answer = await client.post(f"/backoffice/tables/imports/{brought.id}/taking", headers=await token_of(client))
        assert answer.status == 200
    await the_worker_does(db)
    async with db.read() as conn:
        assert await conn.fetch_value("SELECT name->>'zh' FROM products") == "富士苹果"
        assert await conn.fetch_value("SELECT array_agg(action ORDER BY id) FROM audit_log") == ["sku.created"]


async def test_what_is_no_table_says_so_and_changes_nothing(db: Database, client: Visitor) -> None:
    await at_work(client, db, "catalogue")
    assert await bring(client, b"") == 400
    assert await bring(client, b"x", kind="people") == 400
    async with db.read() as conn:
        assert not await TableImport.objects.using(conn).exists()
    for path in (
        "/backoffice/tables/imports/987654",
        "/backoffice/tables/imports/987654/errors.csv",
        "/backoffice/tables/templates/none.csv",
    ):
        assert (await client.get(path)).status == 404


async def test_a_fetched_table_is_a_download_and_stands_in_the_log(db: Database, client: Visitor) -> None:
    await at_work(client, db, "reports", "customers")
    answer = await client.get("/backoffice/exports/orders.csv")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="orders.csv"'
    assert answer.headers["Cache-Control"] == "no-store"
    assert (await answer.read()).startswith(b"\xef\xbb\xbfnumber,placed_at,")
    assert (await client.get("/backoffice/exports/people.csv")).status == 404
    async with db.read() as conn:
        entries = await conn.fetch_all("SELECT action, object FROM audit_log")
    assert [tuple(entry) for entry in entries] == [("report.exported", "report:orders")]


async def test_the_reports_are_drawn_with_their_tables(db: Database, client: Visitor) -> None:
    await at_work(client, db, "reports")
    for path in (
        "/backoffice/reports",
        "/zh/backoffice/reports?since=2026-01-01&until=2020-01-01",
        "/backoffice/reports?since=x",
    ):
        assert (await client.get(path)).status == 200, path
    assert (await client.get("/backoffice/exports")).status == 200


async def test_s64_the_table_of_orders_tells_of_people_and_is_for_those_who_may_see_them(
    db: Database, client: Visitor, new_visitor: Any
) -> None:
    both = await new_visitor()
    await at_work(client, db, "reports")
    await at_work(both, db, "reports", "customers", name="Iris")
    page = await (await client.get("/backoffice/exports")).text()
    assert ('exports/orders.csv"' in page, 'exports/tax.csv"' in page) == (False, True)
    refused = await client.get("/backoffice/exports/orders.csv")
    assert refused.status == 403
    assert "Your role does not include this" in await refused.text()
    async with db.read() as conn:
        assert await conn.fetch_value("SELECT count(*) FROM audit_log WHERE action = 'report.exported'") == 0
    for name in ("products", "stock", "payments", "refunds", "tax"):
        assert (await client.get(f"/backoffice/exports/{name}.csv")).status == 200, name
    assert 'exports/orders.csv"' in await (await both.get("/backoffice/exports")).text()
    table = await both.get("/backoffice/exports/orders.csv")
    assert (table.status, table.content_type) == (200, "text/csv")
