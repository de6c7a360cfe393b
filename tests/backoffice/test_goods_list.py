"""The list of goods: found in both languages, worked on many at a time, prices and stock typed where they stand, dates kept."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import cast

from multidict import MultiDict

from shop.backoffice.audit.models import AuditEntry
from shop.cart.queries import goods_on_sale
from shop.catalog.models import Product, Sku
from shop.catalog.service import change_product, change_sku, set_status
from shop.db import Database
from shop.orders.stock.models import StockMove
from shop.orders.stock.service import lock_goods
from shop.outbox import Lease
from tasks.goods import keep
from tasks.runtime import Workshop
from tests.backoffice.cast import at_work, token_of
from tests.backoffice.test_goods import eventually
from tests.catalog.stall import put_up_stall
from tests.conftest import Visitor
from tests.world import submit

NewVisitor = Callable[[], Awaitable[Visitor]]
NAMES = ("Apples", "Pears", "Peaches", "Bayberries")
LIST = "/backoffice/goods"


async def logged(db: Database) -> list[tuple[str, str, object]]:
    async with db.read() as conn:
        return [(one.action, one.object, one.changes) for one in await AuditEntry.objects.using(conn).order_by("id")]


async def sku_of(db: Database, code: str) -> Sku:
    async with db.read() as conn:
        return await Sku.objects.using(conn).get(code=code)


async def test_goods_are_found_by_name_code_place_state_and_stock(db: Database, client: Visitor) -> None:
    stall = await put_up_stall(db)
    await at_work(client, db, "catalogue")
    async with db.transaction() as conn:
        await set_status(conn, stall.products["Pears"], "draft")
        await change_product(conn, stall.products["Apples"], online_until=datetime(2999, 1, 1, tzinfo=UTC))
    for query, names in (
        ("", set(NAMES)),
        ("?q=aPPl", {"Apples"}),
        ("?q=桃", {"Peaches"}),
        ("?q=bayberries-1", {"Bayberries"}),
        ("?q=%25", set()),
        (f"?category={stall.categories['Fruit']}", set(NAMES)),
        (f"?category={stall.categories['Berries']}", {"Bayberries"}),
        ("?state=draft", {"Pears"}),
        ("?state=planned", {"Apples"}),
        ("?state=bin", set()),
        ("?low=low", {"Peaches", "Bayberries"}),
        ("?state=odd&category=x", set(NAMES)),
        (f"?category={'9' * 30}", set(NAMES)),
    ):
        page = await (await client.get(f"{LIST}{query}")).text()
        assert {name for name in NAMES if f">{name}</a>" in page} == names, query
    for after in ("rubbish", "9" * 5000):
        assert (await client.get(f"{LIST}?after={after}")).status == 404
    assert "苹果" in await (await client.get(f"/zh{LIST}")).text()
    page = await (await client.get(f"{LIST}?after={stall.products['Pears']}")).text()
    assert (">Apples</a>" in page, ">Pears</a>" in page) == (True, False)


async def test_many_are_changed_at_once_after_a_question(
    db: Database, client: Visitor, new_visitor: NewVisitor
) -> None:
    stall, shopper = await put_up_stall(db), await new_visitor()
    await at_work(client, db, "catalogue")
    proof = await token_of(client)
    apples, pears = stall.products["Apples"], stall.products["Pears"]
    await eventually(shopper, "/categories/fruit", "Pears")

    async def do(deed: str, **more: str) -> tuple[int, str]:
        sent = MultiDict({"deed": deed, "category": "0", "back": "state=online", **more})
        sent.extend([("chosen", str(apples)), ("chosen", str(pears)), ("chosen", "987654")])
        answer = await client.post(f"{LIST}/chosen/changes", data=sent, headers=proof, allow_redirects=False)
        return answer.status, answer.headers.get("Location", await answer.text())

    status, page = await do("offline")
    assert (status, "2 products are about to change." in page) == (200, True)
    assert await logged(db) == []
    assert await do("offline", confirmed="yes") == (303, f"{LIST}?state=online")
    assert await do("offline", confirmed="yes") == (303, f"{LIST}?state=online")
    await eventually(shopper, "/products/pears", "", status=404)
    assert [(action, changes) for action, _, changes in await logged(db)] == [
        ("product.changed", {"status": ["online", "offline"]})
    ] * 2
    assert (await do("move"))[0] == 303
    berries = str(stall.categories["Berries"])
    assert (await do("move", category=berries, confirmed="yes"))[0] == 303
    assert (await do("bin", confirmed="yes"))[0] == 303
    assert (await do("online", confirmed="yes"))[0] == 303
    async with db.read() as conn:
        rows = await Product.objects.using(conn).filter(id__in=[apples, pears]).order_by("id")
    assert [(row.category_id, row.status, row.deleted_at is None) for row in rows] == [
        (stall.categories["Berries"], "offline", False)
    ] * 2
    assert [action for action, *_ in await logged(db)] == [
        *["product.changed"] * 2,
        *["product.moved"] * 2,
        *["product.binned"] * 2,
    ]
    for odd in ({"deed": "odd"}, {"deed": "bin", "chosen": "9" * 30}):
        assert (
            await client.post(f"{LIST}/chosen/changes", headers=proof, data=odd, allow_redirects=False)
        ).status == 303


async def test_a_price_is_changed_in_its_row(db: Database, client: Visitor, new_visitor: NewVisitor) -> None:
    await put_up_stall(db)
    shopper = await new_visitor()
    await at_work(client, db, "catalogue")
    sku = await sku_of(db, "PEARS-1")
    await eventually(shopper, "/products/pears", "¥8.00")
    fields = {"price": "9,5", "version": str(sku.version), "back": "q=pears&next=//evil.example"}
    answer = await submit(client, f"{LIST}/skus/{sku.id}/price", fields, on=LIST)
    place = f"{LIST}?q=pears&next=%2F%2Fevil.example#product-{sku.product_id}"
    assert (answer.status, answer.headers["Location"]) == (303, place)
    await eventually(shopper, "/products/pears", "¥9.50")
    async with db.transaction() as conn:
        now = datetime.now(UTC)
        await change_sku(conn, sku.id, offer_price=300, offer_from=now, offer_until=now + timedelta(days=1))
    for price in ("0", "-1", "1e3", "free", "3"):
        version = str((await sku_of(db, "PEARS-1")).version)
        await submit(client, f"{LIST}/skus/{sku.id}/price", {"price": price, "version": version}, on=LIST)
    assert (await sku_of(db, "PEARS-1")).price == 950
    assert await logged(db) == [("sku.changed", f"sku:{sku.id}", {"price": [800, 950]})]


async def test_stock_moves_by_the_ledger_with_a_reason(db: Database, client: Visitor) -> None:
    await put_up_stall(db)
    await at_work(client, db, "catalogue")
    sku = await sku_of(db, "PEARS-1")
    proof = await token_of(client)
    for reason, quantity, stock in (
        ("received", "7", 57),
        ("written_off", "8", 49),
        ("written_off", "51", 49),
        ("counted", "48", 48),
        ("counted", "48", 48),
        ("counted", "51", 51),
        ("counted", "0", 0),
        ("received", "0", 0),
        ("received", "-3", 0),
        ("found", "3", 0),
    ):
        fields = {"reason": reason, "quantity": quantity}
        path = f"{LIST}/skus/{sku.id}/stock"
        answer = await client.post(path, data=fields, headers=proof, allow_redirects=False)
        assert (answer.status, (await sku_of(db, "PEARS-1")).stock) == (303, stock), (reason, quantity)
    async with db.read() as conn:
        moves = StockMove.objects.using(conn).filter(sku_id=sku.id).order_by("id")
        assert [(one.kind, one.quantity, one.note) for one in await moves][1:] == [
            ("received", 7, "received"),
            ("written_off", 8, "written_off"),
            ("written_off", 1, "counted"),
            ("received", 3, "counted"),
            ("written_off", 51, "counted"),
        ]
    told = [(action, changes) for action, _, changes in await logged(db)]
    assert told[:2] == [("stock.received", {"stock": [50, 57]}), ("stock.written_off", {"stock": [57, 49]})]
    assert {action for action, _ in told[2:]} == {"stock.counted"}


async def test_dates_put_goods_online_and_offline(db: Database, client: Visitor) -> None:
    stall = await put_up_stall(db)
    now = datetime.now(UTC)
    past, future = now - timedelta(minutes=1), now + timedelta(days=1)
    pears, apples = stall.products["Pears"], stall.products["Apples"]
    async with db.transaction() as conn:
        await set_status(conn, pears, "offline")
        await change_product(conn, pears, online_from=past, online_until=future)
        await change_product(conn, apples, online_until=past)
    await _nothing_is_sold_after_its_time(db)
    await keep(cast("Workshop", SimpleNamespace(db=db)), cast("Lease", None))
    assert (await client.get("/products/apples")).status == 404
    assert (await client.get("/products/pears")).status == 200
    async with db.transaction() as conn:
        row = await Product.objects.using(conn).get(id=pears)
        assert (row.status, row.online_from, row.online_until) == ("online", None, future)
        await set_status(conn, pears, "offline")
        assert (await Product.objects.using(conn).get(id=pears)).online_until is None
    assert [(action, name) for action, name, _ in await logged(db)] == [
        ("product.published", f"product:{pears}"),
        ("product.changed", f"product:{apples}"),
    ]


async def _nothing_is_sold_after_its_time(db: Database) -> None:
    """Although its status still says online, because no worker was there."""
    apples, peaches = await sku_of(db, "APPLES-1"), await sku_of(db, "PEACHES-1")
    async with db.transaction() as conn:
        locked = await lock_goods(conn, [apples.id, peaches.id])
        assert (locked[apples.id].is_sold, locked[peaches.id].is_sold) == (False, True)
        assert list(await goods_on_sale(conn, [apples.id, peaches.id])) == [peaches.id]
