"""What goes out: every order's line, every payment and refund, the tax; hostile names are only text."""

import csv
import io

from shop.backoffice.tables.queries import EXPORTS, Export, lines_after
from shop.db import Database
from shop.orders.service import mark_paid
from shop.orders.stock.service import receive
from shop.settings import Settings
from shop.tables import written
from tests.orders.market import ADDRESS, Market


async def table(db: Database, settings: Settings, name: str) -> list[dict[str, str]]:
    """A whole export, read as a spreadsheet reads it."""
    export: Export = EXPORTS[name]
    lines, after = [], 0
    async with db.read() as conn:
        while (piece := await lines_after(conn, export, after, settings.currency, settings.timezone)).after is not None:
            lines, after = [*lines, *piece.lines], piece.after
    read = csv.reader(io.StringIO(written([export.columns, *lines]), newline=""))
    names = next(read)
    return [dict(zip(names, line, strict=True)) for line in read]


async def test_every_table_of_an_empty_shop_is_its_first_line(db: Database, settings: Settings) -> None:
    assert [await table(db, settings, name) for name in EXPORTS] == [[]] * len(EXPORTS)


async def test_s26_an_order_goes_out_with_its_lines_and_no_formula(db: Database, settings: Settings) -> None:
    market = await Market.open(db)
    apples, pears = await market.sku(0, price=1999), await market.sku(0, price=500)
    async with db.transaction() as conn:
        for sku in (apples, pears):
            await receive(conn, sku, 10)
    evil = {**ADDRESS, "receiver": '=HYPERLINK("http://x")'}
    await market.buy_one(market.wish((apples, 2), (pears, 1), total=5498, address=evil, email="mei@example.com"))
    async with db.transaction() as conn:
        order = await conn.fetch_one("SELECT id, number FROM orders")
        assert order is not None
        await mark_paid(conn, order.id, 5498)
    lines = await table(db, settings, "orders")
    assert [(line["number"], line["quantity"], line["unit_price"], line["total"]) for line in lines] == [
        (order.number, "2", "19.99", "54.98"),
        (order.number, "1", "5.00", "54.98"),
    ]
    assert {(line["receiver"], line["payment"], line["tax_rate"]) for line in lines} == {
        ('\'=HYPERLINK("http://x")', "paid", "9.00%")
    }
    stock = await table(db, settings, "stock")
    assert [(line["stock"], line["to_pack"]) for line in stock] == [("8", "2"), ("9", "1")]
    assert len(await table(db, settings, "products")) == 2
    taxed = await table(db, settings, "tax")
    assert [(line["tax_rate"], line["gross"], line["tax"]) for line in taxed] == [
        ("9.00%", "44.98", "3.71"),
        ("13.00%", "10.00", "1.15"),
    ]
