"""Classes of tax: made and changed in the back office, chosen for goods, kept by orders as they were on their day."""

from __future__ import annotations

from typing import Any

import pytest

from shop.backoffice.tables.cells import read_product
from shop.backoffice.tables.models import LineRefused, Rules
from shop.catalog.taxes.models import TaxClass
from shop.catalog.taxes.queries import classes_for_goods
from shop.db import Database
from shop.orders.placing.models import Placed
from tests.backoffice.cast import at_work
from tests.backoffice.test_settings import logged, post
from tests.conftest import Visitor
from tests.orders.market import Market

LIST = "/backoffice/settings/taxes"
BOOKS = {"code": "books", "name_en": "Books", "name_zh": "图书", "rate": "6.5", "is_active": "y"}
STANDARD = {"name_en": "Standard rate", "name_zh": "标准税率", "rate": "13", "is_active": "y", "version": "1"}
BY_CLASS = "UPDATE skus SET tax_class = %(code)s WHERE id = %(id)s"
RATES = """
    SELECT o.freight_tax_rate, l.tax_rate FROM orders o JOIN order_lines l ON l.order_id = o.id ORDER BY l.id"""


async def classes(db: Database) -> dict[str, tuple[int | None, bool]]:
    async with db.read() as conn:
        return {one.code: (one.rate, one.is_active) for one in await TaxClass.objects.using(conn).all()}


@pytest.fixture(autouse=True)
async def as_migrated(db: Database) -> Any:
    """The broom keeps tables that the migrations filled: what a test has done to this one is undone here."""
    yield
    async with db.transaction() as conn:
        await conn.execute("UPDATE skus SET tax_class = 'reduced'")
        await conn.execute("DELETE FROM tax_classes WHERE code NOT IN ('standard', 'reduced', 'zero')")
        await conn.execute("UPDATE tax_classes SET rate = NULL, version = 1, is_active = true WHERE code <> 'zero'")


async def test_a_class_is_made_chosen_retired_and_kept_while_goods_have_it(db: Database, client: Visitor) -> None:
    market = await Market.open(db)
    sku = await market.sku(9)
    await at_work(client, db, "settings", "catalogue")
    new, page = "/backoffice/settings/new-tax-class", f"{LIST}/books"
    for wrong in ({"code": "Books!"}, {"rate": "100"}, {"rate": "-1"}, {"rate": ""}, {"name_zh": " "}):
        assert (await post(client, new, {**BOOKS, **wrong}))[0] == 422
    assert set(await classes(db)) == {"standard", "reduced", "zero"}
    assert (await post(client, new, BOOKS))[0] == 303
    assert (await post(client, new, BOOKS))[0] == 422
    assert (await classes(db))["books"] == (650, True)
    assert '<option value="books">Books</option>' in await (await client.get(f"/backoffice/goods/skus/{sku}")).text()

    async with db.transaction() as conn:
        await conn.execute(BY_CLASS, {"code": "books", "id": sku})
    retired = {**BOOKS, "version": "1"}
    del retired["is_active"]
    assert (await post(client, page, retired))[0] == 303
    assert (await post(client, page, {**BOOKS, "version": "1", "rate": "9"}))[0] == 409
    assert (await classes(db))["books"] == (650, False)
    assert "books" in await (await client.get(f"/backoffice/goods/skus/{sku}")).text()
    other = await market.sku(1)
    assert 'value="books"' not in await (await client.get(f"/backoffice/goods/skus/{other}")).text()
    assert (await post(client, f"{page}/removal", {}))[0] == 303
    assert "books" in await classes(db)

    async with db.transaction() as conn:
        await conn.execute(BY_CLASS, {"code": "zero", "id": sku})
    assert (await post(client, f"{page}/removal", {}))[0] == 303
    for needed in ("standard", "reduced", "zero"):
        assert (await post(client, f"{LIST}/{needed}/removal", {}))[0] == 303
    assert set(await classes(db)) == {"standard", "reduced", "zero"}
    assert [(action, changes.get("is_active")) for action, changes in await logged(db)] == [
        ("tax.created", [None, True]),
        ("tax.changed", [True, False]),
        ("tax.deleted", [False, None]),
    ]


async def test_another_rate_counts_from_now_on_and_never_for_what_was_ordered(db: Database, client: Visitor) -> None:
    market = await Market.open(db)
    sku = await market.sku(9)
    await at_work(client, db, "settings")

    async def buy() -> None:
        assert isinstance(await market.buy_one(market.wish((sku, 1), total=2000)), Placed)

    await buy()
    assert (await post(client, f"{LIST}/standard", {**STANDARD, "rate": "15,5"}))[0] == 303
    assert (await post(client, f"{LIST}/reduced", {**STANDARD, "rate": "7"}))[0] == 303
    await buy()
    assert (await post(client, f"{LIST}/standard", {**STANDARD, "rate": "", "version": "2"}))[0] == 303
    await buy()
    async with db.read() as conn:
        rates = [tuple(row) for row in await conn.fetch_all(RATES, {})]
    assert rates == [(1300, 900), (1550, 700), (1300, 700)]


async def test_tables_know_the_classes_of_today_and_those_that_goods_still_have(db: Database) -> None:
    market = await Market.open(db)
    sku = await market.sku(9)
    async with db.transaction() as conn:
        for code in ("old", "older"):
            await TaxClass.objects.using(conn).create(code=code, name={"en": code}, rate=100, is_active=False)
        await conn.execute(BY_CLASS, {"code": "old", "id": sku})
        known = tuple(await classes_for_goods(conn))
    assert known == ("old", "standard", "reduced", "zero")
    rules = Rules("CNY", ("en", "zh"), known)
    assert read_product({"code": "A", "tax_class": "old"}, rules).sku_values == {"tax_class": "old"}
    with pytest.raises(LineRefused, match="one of: old, standard, reduced, zero"):
        read_product({"code": "A", "tax_class": "older"}, rules)
