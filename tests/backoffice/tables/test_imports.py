"""Somebody brings a table of goods or of stock: every line is looked at first, then taken over, each once, whatever dies between."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest

from shop.backoffice.audit.models import Actor
from shop.backoffice.tables import service
from shop.backoffice.tables.models import ImportKind, ImportState, RefusedLine, Rules, TableImport
from shop.backoffice.tables.queries import EXPORTS, lines_after
from shop.catalog.models import Product, Sku
from shop.catalog.service import add_category
from shop.db import Connection, Database
from shop.orders.invariants import broken
from shop.settings import Settings
from shop.tables import NotATable, written

RULES = Rules("CNY", ("en", "zh"), ("standard", "reduced", "zero"))
LIN = Actor(None, "lin", "127.0.0.1")
HEAD = ("code", "product", "category", "name_en", "name_zh", "unit_en", "price", "weight", "status")
APPLES = ("AP-1", "fuji-apples", "fruit", "Fuji apples", "富士苹果", "500 g", "12.50", "500", "online")
LARGE = ("AP-2", "fuji-apples", "", "", "", "1 kg", "24.00", "1000", "")


@pytest.fixture
async def fruit(db: Database) -> int:
    async with db.transaction() as conn:
        return await add_category(conn, name={"en": "Fruit", "zh": "水果"}, slugs={"en": "fruit", "zh": "shui-guo"})


async def look_at(db: Database, kind: str, *lines: Sequence[Any]) -> int:
    """Bring a table and let the worker look at it."""
    async with db.transaction() as conn:
        table = await service.bring(conn, ImportKind(kind), written(lines).encode(), LIN)
    await work(db, table)
    return table


async def work(db: Database, table: int, at_once: int = 2, batches: int = 1000) -> None:
    async with db.read() as conn:
        brought = await TableImport.objects.using(conn).get(id=table)
    lines = service.lines_of(brought.kind, brought.data)
    for _ in range(batches):
        async with db.transaction() as conn:
            if not await service.work_on(conn, table, lines, at_once, RULES):
                return


async def take(db: Database, table: int) -> None:
    async with db.transaction() as conn:
        assert await service.take_over(conn, table)
    await work(db, table)


async def told(db: Database, table: int) -> tuple[str, int, int, int]:
    async with db.read() as conn:
        row = await TableImport.objects.using(conn).get(id=table)
    return row.state, row.lines, row.good, row.refused


async def refusals(db: Database, table: int) -> list[tuple[int, str]]:
    async with db.read() as conn:
        rows = await RefusedLine.objects.using(conn).filter(import_id=table).order_by("line")
    return [(row.line, row.cell) for row in rows]


async def test_looking_changes_nothing_and_taking_over_makes_goods(db: Database, fruit: int) -> None:
    table = await look_at(db, "products", HEAD, APPLES, LARGE)
    assert await told(db, table) == (ImportState.CHECKED, 2, 2, 0)
    async with db.read() as conn:
        assert await Product.objects.using(conn).count() == 0

    await take(db, table)
    assert await told(db, table) == (ImportState.DONE, 2, 2, 0)
    async with db.read() as conn:
        skus = await Sku.objects.using(conn).select_related("product").order_by("code")
        logged = await conn.fetch_all("SELECT action, staff_name FROM audit_log ORDER BY id")
    assert [(sku.code, sku.price, sku.weight, sku.product.name) for sku in skus] == [
        ("AP-1", 1250, 500, {"en": "Fuji apples", "zh": "富士苹果"}),
        ("AP-2", 2400, 1000, {"en": "Fuji apples", "zh": "富士苹果"}),
    ]
    assert skus[0].product.slugs == {"en": "fuji-apples", "zh": "fu-shi-ping-guo"}
    assert [(row.action, row.staff_name) for row in logged] == [("sku.created", "lin")] * 2


async def test_known_goods_change_only_in_what_the_table_names(db: Database, fruit: int) -> None:
    await take(db, await look_at(db, "products", HEAD, APPLES))
    await take(db, await look_at(db, "products", ("code", "price", "name_zh"), ("AP-1", "9.90", "苹果")))
    async with db.read() as conn:
        sku = await Sku.objects.using(conn).select_related("product").get(code="AP-1")
    assert (sku.price, sku.unit, sku.product.name) == (990, {"en": "500 g"}, {"en": "Fuji apples", "zh": "苹果"})


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("code", ""), ("code", "<b>"), ("product", "Fuji Apples"), ("category", "nowhere"), ("price", "0"), ("price", "-1"),
        ("price", "1,50"), ("price", "1.005"), ("price", "1e9"), ("price", "NaN"), ("weight", "0"), ("weight", "1.5"), ("weight", ""),
        ("status", "gone"), ("name_en", "x" * 201), ("name_en", "a\u202eb"), ("unit_en", ""),
    ],
)  # fmt: skip
async def test_a_bad_cell_refuses_its_line_and_names_itself(db: Database, fruit: int, cell: str, value: str) -> None:
    bad = [value if name == cell else text for name, text in zip(HEAD, APPLES, strict=True)]
    good = ["AP-9", "gala-apples", *APPLES[2:]]
    table = await look_at(db, "products", HEAD, bad, good)
    assert await told(db, table) == (ImportState.CHECKED, 2, 1, 1)
    assert await refusals(db, table) == [(2, cell)]
    await take(db, table)
    async with db.read() as conn:
        assert list(await Sku.objects.using(conn).values_list("code", flat=True)) == ["AP-9"]


async def test_stock_moves_by_the_ledger(db: Database, fruit: int) -> None:
    await take(db, await look_at(db, "products", HEAD, APPLES, LARGE))
    for counted in (40, 25, 25):
        await take(db, await look_at(db, "stock", ("code", "stock"), ("AP-1", counted), ("AP-3", 1), ("AP-2", "-1")))
    async with db.read() as conn:
        assert await Sku.objects.using(conn).order_by("code").values_list("stock", flat=True) == [25, 0]
        moves = await conn.fetch_all("SELECT kind, quantity FROM stock_moves ORDER BY id")
        assert [tuple(move) for move in moves] == [("received", 40), ("written_off", 15)]
        assert await broken(conn) == {}


async def dies_after_a_batch(table: int, lines: Sequence[Any], conn: Connection) -> None:
    read = service.lines_of(ImportKind.PRODUCTS, written([HEAD, *lines]).encode())
    assert await service.work_on(conn, table, read, 2, RULES)
    raise ZeroDivisionError


async def test_a_worker_that_dies_between_two_batches_neither_loses_nor_repeats_a_line(
    db: Database, fruit: int
) -> None:
    lines = [(f"AP-{n}", "fuji-apples", *APPLES[2:]) for n in range(5)]
    table = await look_at(db, "products", HEAD, *lines)
    async with db.transaction() as conn:
        await service.take_over(conn, table)
    await work(db, table, batches=1)
    with pytest.raises(ZeroDivisionError):
        await db.in_transaction(partial(dies_after_a_batch, table, lines))
    assert (await told(db, table))[:2] == (ImportState.APPLYING, 5)
    await work(db, table)
    assert await told(db, table) == (ImportState.DONE, 5, 5, 0)
    async with db.read() as conn:
        assert await conn.fetch_value("SELECT count(*) FROM audit_log") == 5
        assert not await service.take_over(conn, table)


def test_a_file_that_is_too_long_is_refused_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "MOST_LINES", 2)
    with pytest.raises(NotATable, match="more than 2 lines"):
        service.lines_of(ImportKind.STOCK, b"code,stock\na,1\nb,2\nc,3\n")


async def test_what_goes_out_can_come_in_again(db: Database, fruit: int, settings: Settings) -> None:
    await take(db, await look_at(db, "products", HEAD, APPLES, LARGE))
    export = EXPORTS["products"]
    async with db.read() as conn:
        out = await lines_after(conn, export, 0, "CNY", settings.timezone)
        assert out.after is not None
        assert (await lines_after(conn, export, out.after, "CNY", settings.timezone)).lines == []
    first = dict(zip(export.columns, out.lines[0], strict=True))
    assert (first["code"], first["category"], first["price"], first["name_zh"]) == (
        "AP-1",
        "fruit",
        "12.50",
        "富士苹果",
    )
    table = await look_at(db, "products", export.columns, *out.lines)
    assert await told(db, table) == (ImportState.CHECKED, 2, 2, 0)
