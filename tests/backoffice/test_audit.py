"""The log: added to in the transaction of the deed, by nobody rewritten unseen."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import html
import re
from typing import Any
from uuid import uuid4

import psycopg2
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from shop.backoffice.audit import queries
from shop.backoffice.audit import service as audit
from shop.backoffice.audit.models import Actor, AuditEntry
from shop.backoffice.audit.queries import check_chain
from shop.db import Database
from shop.embedded import DATABASE, Postgres
from shop.outbox import Hopeless, Lease
from tasks import staff_log
from tests.backoffice.cast import at_work, employee, token_of

Visitor = TestClient[web.Request, web.Application]
NOBODY = Actor(None, "test", "192.0.2.7")


async def note(db: Database, *names: str) -> None:
    for name in names:
        async with db.transaction() as conn:
            await audit.record(conn, NOBODY, "product.changed", "product:7", {"name": ""}, {"name": name})


async def look_through(db: Database) -> None:
    """What the worker does every night; a promise without hope is a dead letter, which rings the alarm."""
    shop: Any = type("Shop", (), {"db": db})()
    await staff_log.check(shop, Lease(1, uuid4(), uuid4(), "tasks.staff_log.check", {}, 1))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_log SET staff_name = 'somebody else'",
        "DELETE FROM audit_log",
        "TRUNCATE audit_log",
        "INSERT INTO audit_log (staff_name, address, action, object, changes, hash) VALUES ('', '', '', '', '{}', '')",
        "ALTER TABLE audit_log DISABLE TRIGGER audit_stays",
        "DROP TABLE audit_log",
    ],
)
async def test_s65_the_web_role_adds_to_the_log_and_does_nothing_else_to_it(
    db: Database, postgres: Postgres, statement: str
) -> None:
    await note(db, "apple")
    web = await asyncio.to_thread(psycopg2.connect, postgres.web_url)
    with web.cursor() as cursor, pytest.raises(psycopg2.errors.InsufficientPrivilege):
        await asyncio.to_thread(cursor.execute, statement)
    web.close()
    async with db.read() as conn:
        assert await AuditEntry.objects.using(conn).values_list("staff_name", flat=True) == ["test"]


@pytest.mark.parametrize(
    ("tampering", "broken_at"),
    [
        ("UPDATE audit_log SET changes = '{}' WHERE id = 2", 2),
        ("UPDATE audit_log SET at = at - interval '1 day' WHERE id = 3", 3),
        ("UPDATE audit_log SET address = '' WHERE id = 1", 1),
        ("DELETE FROM audit_log WHERE id = 2", 3),
        ("UPDATE audit_log SET id = id + 10 WHERE id = 4", 14),
        ("UPDATE audit_log e SET changes = '{}', hash = sha256('') WHERE id = 2", 2),
    ],
)
async def test_s65_a_superusers_tampering_is_found(
    db: Database, postgres: Postgres, tampering: str, broken_at: int
) -> None:
    await note(db, "apple", "pear", "plum", "fig")
    async with db.read() as conn:
        whole = await check_chain(conn)
        last = await AuditEntry.objects.using(conn).order_by("-id").first()
    assert last is not None
    assert (whole.entries, whole.is_whole, whole.head) == (4, True, bytes(last.hash).hex())

    def tamper() -> None:
        thief = psycopg2.connect(postgres.superuser_url, dbname=DATABASE)
        with thief, thief.cursor() as cursor:
            cursor.execute("SET session_replication_role = replica")
            cursor.execute(tampering)
        thief.close()

    await look_through(db)
    await asyncio.to_thread(tamper)
    async with db.read() as conn:
        assert (await check_chain(conn)).broken_at == broken_at
    with pytest.raises(Hopeless, match=f"does not fit from entry {broken_at} on"):
        await look_through(db)


async def test_s65_many_at_once_make_one_chain(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    await asyncio.gather(*(note(db, f"{n}", f"{n}.") for n in range(8)))
    async with db.read() as conn:
        chain = await check_chain(conn)
        monkeypatch.setattr(queries, "BATCH", 5)
        assert await check_chain(conn) == chain
        assert (await check_chain(conn, 4)) == dataclasses.replace(chain, first=13)
    assert (chain.entries, chain.is_whole) == (16, True)


async def test_s65_what_is_given_up_leaves_no_entry(db: Database) -> None:
    with contextlib.suppress(ZeroDivisionError):
        async with db.transaction() as conn:
            await audit.record(conn, NOBODY, "product.deleted", "product:7")
            raise ZeroDivisionError
    await note(db, "apple")
    async with db.read() as conn:
        chain = await check_chain(conn)
    assert (chain.entries, chain.is_whole) == (1, True)


async def test_s65_personal_fields_stand_by_name_only(db: Database) -> None:
    old = {"email": "lin@example.com", "note": "call first", "name": "Lin", "same": 1}
    new = {"email": "new@example.com", "note": "ring twice", "name": "Lin Mo", "same": 1}
    async with db.transaction() as conn:
        await audit.record(conn, NOBODY, "order.changed", "order:7", old, new, personal=("note",))
        await audit.record(conn, NOBODY, "customer.changed", "customer:7", old, new)
        first, second = await AuditEntry.objects.using(conn).order_by("id")
    assert first.changes == {"email": ["•", "•"], "note": ["•", "•"], "name": ["Lin", "Lin Mo"]}
    assert second.changes == {"email": ["•", "•"], "note": ["•", "•"], "name": ["•", "•"]}


async def test_s65_the_page_tells_who_did_what_from_where_and_checks_the_chain(db: Database, client: Visitor) -> None:
    owner = await at_work(client, db, "staff")
    packer = await employee(db, "orders", name="Tom")
    async with db.transaction() as conn:
        tom = Actor(packer.id, packer.name, "192.0.2.7")
        await audit.record(conn, tom, "order.shipped", "order:9", {"state": "paid"}, {"state": "shipped"})
        await audit.record(
            conn, Actor(owner.id, owner.name), "product.created", "product:7", None, {"name": "<script>"}
        )
    page = await (await client.get("/backoffice/log?q=Tom")).text()
    assert all(word in page for word in ("192.0.2.7", "Customer order: shipped", "order:9", "paid"))
    assert "product:7" not in page
    assert "订单：发货" in await (await client.get("/zh/backoffice/log?kind=order")).text()
    page = await (await client.get("/zh/backoffice/log?kind=product")).text()
    assert "商品：新建" in page
    assert "&lt;script&gt;" in page
    assert "order:9" not in page
    answer = await client.post("/backoffice/log/check", headers=await token_of(client))
    assert "Entries 1 to 2 are as they were written" in await answer.text()


async def changes_told(client: Visitor, path: str) -> list[str]:
    """The fields of the newest entry of the log and their values, as a reader sees them."""
    page = await (await client.get(path)).text()
    changes = re.search(r'<dl class="changes">(.*?)</dl>', page, re.DOTALL)
    assert changes is not None
    rows = re.findall(r"<dt>(.*?)</dt>\s*<dd>(.*?)</dd>", changes[1], re.DOTALL)
    return [html.unescape(re.sub(r"<[^>]*>", "", " ".join(row))) for row in rows]


STORIES: dict[str, tuple[str, str, dict[str, Any], dict[str, Any], list[str], list[str]]] = {
    "a price": (
        "sku.changed", "sku:7", {"price": 500, "sold_by_weight": True}, {"price": 2500, "sold_by_weight": False},
        ["Price ¥5.00 → ¥25.00", "Show the price of a kilogram Yes → No"], ["价格 ¥5.00 → ¥25.00", "显示每公斤价格 是 → 否"],
    ),
    "money that went back": (
        "order.refunded", "order:7", {"given_back": 500, "payment": "paid"}, {"given_back": 2500, "payment": "refunded"},
        ["State of the payment paid → refunded", "Given back ¥5.00 → ¥25.00"],
        ["付款状态 已付款 → 已退款", "已退金额 ¥5.00 → ¥25.00"],
    ),
    "a product": (
        "product.changed", "product:7",
        {"status": "draft", "online_from": "2026-11-22T12:00:00+00:00", "category": 3, "ingredients_en": None},
        {"status": "online", "online_from": None, "category": 5, "ingredients_en": ""},
        ["Category #3 → #5", "State Draft → Online", "Put online by itself on Nov 22, 2026 8:00\u202fPM → –"],
        ["分类 #3 → #5", "状态 草稿 → 已上架", "定时上架 2026年11月22日 20:00 → –"],
    ),
    "a text in two languages": (
        "tax.changed", "tax:fruit",
        {"name": {"en": "Fruit", "zh": "水果"}, "rate": 900}, {"name": {"en": "Fruits", "zh": "水果"}, "rate": 950},
        ["Name in English Fruit → Fruits", "Rate in percent 9 % → 9.5 %"], ["英文名称 Fruit → Fruits", "税率（百分数） 9 % → 9.5 %"],
    ),
    "an entry of the plan": (
        "plan.created", "zone:7", {}, {"weekday": 5, "starts": "09:00:00"},
        ["Day Saturday", "From 09:00"], ["日期 星期六", "从 09:00"],
    ),
    "a field nobody knows any more": (
        "product.changed", "product:7",
        {"<b>%s</b>": 1, "status": "<i>gone</i>", "pictures": []}, {"<b>%s</b>": 2, "status": 7, "pictures": [["ab12", {"en": "<u>"}]]},
        ["State <i>gone</i> → 7", "Pictures – → ab12 <u>", "<b>%s</b> 1 → 2"],
        ["状态 <i>gone</i> → 7", "商品图片 – → ab12 <u>", "<b>%s</b> 1 → 2"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("story", STORIES)
async def test_s65_changes_are_told_in_the_readers_language(db: Database, client: Visitor, story: str) -> None:
    action, about, old, new, english, chinese = STORIES[story]
    await at_work(client, db, "staff")
    async with db.transaction() as conn:
        await audit.record(conn, NOBODY, action, about, old, new)
    assert await changes_told(client, "/backoffice/log") == english
    assert await changes_told(client, "/zh/backoffice/log") == chinese
