"""The demo is emptied, once, by somebody who means it: what was made up goes, what the shop is run by stays, and every page still works."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

import pytest

from shop.cache.account_keys import history_key
from shop.cache.client import RedisClient
from shop.catalog.models import Product
from shop.db import Database, DbError
from shop.demo import MARK, PASSWORD
from shop.facts import fact, state_fact
from shop.orders.placing.models import Placed
from tests.backoffice.cast import at_work, employee
from tests.backoffice.test_settings import logged, post
from tests.catalog.stall import put_up_stall
from tests.conftest import Visitor
from tests.orders.market import Market
from tests.payments.counter import begun
from tests.world import LIN, customer, password_hash, sign_in

PAGE = "/backoffice/settings/demo"
SURE = {"name": "daily fresh"}
STAYS = {
    *(
        "alembic_version",
        "audit_log",
        "cache_changes",
        "content_pages",
        "delivery_areas",
        "delivery_plan",
        "delivery_zones",
    ),
    *(
        "media_files",
        "media_locations",
        "media_mentions",
        "media_objects",
        "outbox",
        "outbox_breakers",
        "roles",
        "shop_facts",
    ),
    *("staff", "staff_recovery_codes", "staff_second_factors", "staff_sessions", "tax_classes"),
}
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
LISTS: tuple[str, ...] = (
    "goods",
    "categories",
    "orders",
    "returns",
    "customers",
    "reviews",
    "coupons",
    "rules",
    "synonyms",
    "blocks",
)
LISTS += ("pages", "delivery", "settings", "mails", "reports", "log")


async def emptied_tables(db: Database) -> set[str]:
    """The tables that the function of the migration names."""
    async with db.read() as conn:
        body = await conn.fetch_value("SELECT pg_get_functiondef('empty_the_demo'::regproc)")
    return set(re.split(r"[,\s]+", re.findall(r"TRUNCATE (.*?);", body, re.DOTALL)[0]))


async def rows_in(db: Database, tables: set[str]) -> int:
    async with db.read() as conn:
        return sum([int(await conn.fetch_value(f"SELECT count(*) FROM {table}")) for table in tables])


async def marked(db: Database) -> None:
    async with db.transaction() as conn:
        await state_fact(conn, MARK, {})


async def test_the_demo_is_emptied_and_the_shop_goes_on(
    db: Database, client: Visitor, new_visitor: Callable[[], Awaitable[Visitor]], redis_url: str
) -> None:
    await marked(db)
    await put_up_stall(db)
    market, lin = await Market.open(db), await new_visitor()
    account = await customer(db, LIN)
    await sign_in(lin, LIN)
    placed = await market.buy_one(market.wish((await market.sku(5), 1), total=2000))
    assert isinstance(placed, Placed)
    await begun(market, placed.order_id)
    assert (await lin.get("/products/pears")).status == 200
    await at_work(client, db, "settings", "catalogue", "orders", "customers", "content", "reports", "staff")
    tables = await emptied_tables(db)
    async with db.read() as conn:
        assert {row.tablename for row in await conn.fetch_all(TABLES, {})} == tables | STAYS
        last_id = max(await Product.objects.using(conn).values_list("id", flat=True))
    before = await rows_in(db, tables)
    assert "daily fresh" in (await (await client.get(PAGE)).text()).lower()
    for wrong in ({}, {"name": ""}, {"name": "fresh"}):
        assert (await post(client, PAGE, wrong))[0] == 422
    assert (await rows_in(db, tables), await logged(db)) == (before, [])

    assert (await post(client, PAGE, SURE))[0] == 303
    assert await rows_in(db, tables) == 0
    assert await rows_in(db, {"delivery_zones"}) > 0
    async with db.read() as conn:
        assert await fact(conn, MARK) is None
    assert [action for action, _ in await logged(db)] == ["setting.emptied"]
    redis = RedisClient.open(redis_url)
    assert await redis.execute("EXISTS", history_key(account.tag)) == 0
    await redis.close()

    assert (await lin.get("/account", allow_redirects=False)).status == 303
    for path, status in {"/": 200, "/zh/": 200, "/search?q=pears": 200, "/cart": 200, "/products/pears": 404}.items():
        for visitor in (lin, client):
            assert (await visitor.get(path)).status == status, path
    assert "Pears" not in await (await lin.get("/")).text()
    for name in LISTS:
        assert (await client.get(f"/backoffice/{name}")).status == 200, name
    assert (await client.get(PAGE)).status == 404
    assert (await post(client, PAGE, SURE))[0] == 404
    assert len(await logged(db)) == 1

    await put_up_stall(db)
    async with db.read() as conn:
        assert min(await Product.objects.using(conn).values_list("id", flat=True)) > last_id


async def test_a_real_shop_is_never_emptied_nor_made_the_demo(db: Database, client: Visitor) -> None:
    await put_up_stall(db)
    await at_work(client, db, "settings")
    tables = await emptied_tables(db)
    before = await rows_in(db, tables)
    assert "settings/demo" not in await (await client.get("/backoffice/settings")).text()
    assert (await client.get(PAGE)).status == 404
    assert (await post(client, PAGE, SURE))[0] == 404
    with pytest.raises(DbError, match="not the demo"):
        async with db.transaction() as conn:
            await conn.execute("SELECT empty_the_demo()")
    with pytest.raises(DbError, match="cannot be made the demo"):
        await marked(db)
    async with db.transaction() as conn:
        await state_fact(conn, "other", {})
    with pytest.raises(DbError, match="cannot be made the demo"):
        async with db.transaction() as conn:
            await conn.execute("UPDATE shop_facts SET key = 'demo' WHERE key = 'other'")
    assert (await rows_in(db, tables), await logged(db)) == (before, [])


async def test_nobody_with_the_password_that_everybody_knows_stays_behind(db: Database, client: Visitor) -> None:
    await marked(db)
    await put_up_stall(db)
    await at_work(client, db, "settings")
    other = await employee(db, "orders", name="Ivy")
    async with db.transaction() as conn:
        change = "UPDATE staff SET password_hash = %(hash)s WHERE id = %(id)s"
        await conn.execute(change, {"hash": password_hash(PASSWORD), "id": other.id})
    before = await rows_in(db, {"products"})
    status, page = await post(client, PAGE, SURE)
    assert (status, "choose another one for ivy@dailyfresh.example first" in page) == (422, True)
    assert (await rows_in(db, {"products"}), await logged(db)) == (before, [])
    async with db.transaction() as conn:
        await conn.execute("UPDATE staff SET disabled_at = now() WHERE id = %(id)s", {"id": other.id})
    assert (await post(client, PAGE, SURE))[0] == 303
    assert await rows_in(db, {"products"}) == 0
