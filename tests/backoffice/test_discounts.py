"""Coupons and cart rules are made, changed and stopped in the browser; two editors never overwrite each other."""

from datetime import UTC, datetime

import pytest

from shop.catalog.service import add_category
from shop.coupons.models import CartRule, Coupon
from shop.db import Database
from tests.backoffice.cast import at_work, token_of
from tests.conftest import Visitor
from tests.orders.market import Market

COUPON = {
    "code": "plum-10",
    "percent": "10",
    "minimum": "50",
    "limit": "100",
    "once_per_customer": "y",
    "is_active": "y",
}
RULE = {"name_en": "Three for less", "name_zh": "三件优惠", "amount": "2.50", "from_quantity": "3", "is_active": "y"}


async def post(client: Visitor, path: str, fields: dict[str, str]) -> tuple[int, str]:
    async with client.post(path, data=fields, headers=await token_of(client)) as answer:
        return answer.status, await answer.text()


async def logged(db: Database) -> list[str]:
    async with db.read() as conn:
        return [row.action for row in await conn.fetch_all("SELECT action FROM audit_log ORDER BY id")]


async def test_a_coupon_is_made_changed_and_stopped(db: Database, client: Visitor) -> None:
    await at_work(client, db, "catalogue")
    assert (await post(client, "/backoffice/coupons/new", {**COUPON, "ends_at": "2027-01-01T00:00"}))[0] == 200
    async with db.read() as conn:
        coupon = await Coupon.objects.using(conn).get()
    assert (coupon.code, coupon.kind, coupon.value, coupon.minimum, coupon.limit) == (
        "PLUM-10",
        "percent",
        10,
        5000,
        100,
    )
    assert coupon.ends_at == datetime(2026, 12, 31, 16, tzinfo=UTC)

    stopped = {"amount": "5", "version": "1"}
    assert (await post(client, f"/backoffice/coupons/{coupon.id}", stopped))[0] == 200
    status, page = await post(client, f"/backoffice/coupons/{coupon.id}", {**stopped, "amount": "9"})
    assert (status, "5.00" in page, "9.00" in page) == (409, True, True)
    async with db.read() as conn:
        now = await Coupon.objects.using(conn).get()
    assert (now.kind, now.value, now.is_active, now.version) == ("fixed", 500, False, 2)
    assert await logged(db) == ["coupon.created", "coupon.changed"]
    page = await (await client.get(f"/backoffice/coupons/{coupon.id}")).text()
    assert "<ins>¥5.00</ins>" in page
    assert "<del>10</del>" in page
    assert "PLUM-10" in await (await client.get("/backoffice/coupons?q=plum")).text()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("code", "pl um"), ("percent", "0"), ("percent", "101"), ("percent", "ten"), ("amount", "5"), ("amount", "-1"), ("percent", ""),
        ("minimum", "1e3"), ("limit", "0"), ("ends_at", "never"), ("code", "x" * 41),
    ],
)  # fmt: skip
async def test_a_coupon_that_cannot_be_is_refused_at_its_field(
    db: Database, client: Visitor, field: str, value: str
) -> None:
    await at_work(client, db, "catalogue")
    status, page = await post(client, "/backoffice/coupons/new", {**COUPON, field: value})
    assert (status, "There is a problem" in page) == (422, True)
    async with db.read() as conn:
        assert not await Coupon.objects.using(conn).exists()
    assert await logged(db) == []


async def test_a_code_exists_once_and_a_limit_is_not_below_what_was_used(db: Database, client: Visitor) -> None:
    await at_work(client, db, "catalogue")
    await post(client, "/backoffice/coupons/new", COUPON)
    assert (await post(client, "/backoffice/coupons/new", {**COUPON, "code": "PLUM-10"}))[0] == 422
    async with db.transaction() as conn:
        await Coupon.objects.using(conn).all().update(used=7)
        coupon = await Coupon.objects.using(conn).get()
    assert (await post(client, f"/backoffice/coupons/{coupon.id}", {**COUPON, "limit": "6", "version": "1"}))[0] == 422
    assert await logged(db) == ["coupon.created"]


async def test_a_cart_rule_is_about_a_category_or_about_codes(db: Database, client: Visitor) -> None:
    await at_work(client, db, "catalogue")
    market = await Market.open(db)
    sku = await market.sku(5)
    async with db.transaction() as conn:
        fruit = await add_category(conn, name={"en": "Fruit"}, slugs={"en": "fruit"})
        code = await conn.fetch_value("SELECT code FROM skus WHERE id = %(id)s", {"id": sku})
    for wrong in ({}, {"category": str(fruit), "codes": code}, {"codes": f"{code} nothing"}, {"category": "987654"}):
        assert (await post(client, "/backoffice/rules/new", {**RULE, **wrong}))[0] == 422
    assert (await post(client, "/backoffice/rules/new", {**RULE, "codes": f" {code},\n{code} "}))[0] == 200
    async with db.read() as conn:
        rule = await CartRule.objects.using(conn).get()
    assert (rule.sku_ids, rule.category_id, rule.value, rule.from_quantity) == ([sku], None, 250, 3)

    changed = {**RULE, "category": str(fruit), "percent": "15", "amount": "", "version": "1"}
    assert (await post(client, f"/backoffice/rules/{rule.id}", changed))[0] == 200
    assert (await post(client, f"/backoffice/rules/{rule.id}", changed))[0] == 409
    assert (await client.get("/zh/backoffice/rules")).status == 200
    assert (await client.get(f"/backoffice/rules/{rule.id}/removal")).status == 200
    assert (await post(client, f"/backoffice/rules/{rule.id}/removal", {}))[0] == 200
    async with db.read() as conn:
        assert not await CartRule.objects.using(conn).exists()
    assert await logged(db) == ["rule.created", "rule.changed", "rule.deleted"]
