"""What concerns the whole shop: ordering is paused and resumed, and who is told of new orders."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from shop.backoffice.audit.models import AuditEntry
from shop.cart.pause import PAUSE, pause_of
from shop.db import Database
from shop.facts import state_fact
from shop.orders.placing.models import Placed, Reason, Refused
from shop.orders.recipients import recipients_of
from tests.backoffice.cast import at_work, come_in, employee, token_of
from tests.conftest import Visitor
from tests.orders.market import Market
from tests.orders.test_checkout import desk, fields, order, put
from tests.world import LIN, customer, sign_in

NewVisitor = Callable[[], Awaitable[Visitor]]
CLOSED = {"message_en": "Back on Monday.", "message_zh": "周一恢复营业。"}
TOLD = {"en": "Back on Monday.", "zh": "周一恢复营业。"}


async def post(client: Visitor, path: str, said: dict[str, str]) -> tuple[int, str]:
    async with client.post(path, data=said, headers=await token_of(client), allow_redirects=False) as answer:
        return answer.status, await answer.text()


async def logged(db: Database) -> list[tuple[str, dict[str, Any]]]:
    async with db.read() as conn:
        return [(row.action, row.changes) for row in await AuditEntry.objects.using(conn).order_by("id")]


async def test_ordering_is_paused_and_taken_up_again(db: Database, client: Visitor, new_visitor: NewVisitor) -> None:
    market, shopper = await Market.open(db), await new_visitor()
    sku = await market.sku(9)
    await customer(db, LIN)
    await sign_in(shopper, LIN)
    await put(shopper, sku)
    await at_work(client, db, "settings")
    said = fields(market, await desk(shopper))
    assert (await post(client, "/backoffice/settings/pause", {**CLOSED, "message_zh": " "}))[0] == 422
    assert await logged(db) == []
    assert (await post(client, "/backoffice/settings/pause", CLOSED))[0] == 303
    for path, message in (("/cart", "Back on Monday."), ("/checkout", "Back on Monday."), ("/zh/cart", "周一恢复营业")):
        assert message in await (await shopper.get(path)).text()
    before = await market.counts()
    async with db.transaction() as conn:
        await conn.execute("INSERT INTO delivery_areas (zone_id) VALUES (%(zone)s)", {"zone": market.zone_id})
    refused = await order(shopper, said)
    page = await refused.text()
    assert (refused.status, "takes no orders at the moment" in page, "Back on Monday." in page) == (409, True, True)
    assert await market.counts() == before

    assert "Back on Monday." in await (await client.get("/backoffice/settings")).text()
    assert (await post(client, "/backoffice/settings/resumption", {}))[0] == 303
    assert (await post(client, "/backoffice/settings/resumption", {}))[0] == 303
    assert "Back on Monday." not in await (await shopper.get("/cart")).text()
    placed = await order(shopper, fields(market, await desk(shopper)))
    assert placed.status == 303, await placed.text()
    assert await logged(db) == [
        ("setting.paused", {"message": [None, TOLD]}),
        ("setting.resumed", {"message": [TOLD, None]}),
    ]


async def test_a_pause_is_seen_by_the_till_and_repeats_are_answered(db: Database) -> None:
    market = await Market.open(db)
    sku = await market.sku(9)
    wish, late = (market.wish((sku, 1), total=2000) for _ in range(2))
    first = await market.buy_one(wish)
    assert isinstance(first, Placed)
    async with db.transaction() as conn:
        await state_fact(conn, PAUSE, TOLD)
    again, refused = await market.buy(wish, late)
    assert isinstance(again, Placed)
    assert (again.number, again.is_repeat, refused) == (first.number, True, Refused(Reason.PAUSED))
    assert (await market.stock(sku), await market.is_sound()) == (8, True)


async def test_the_addresses_told_of_orders_are_set_here_over_those_of_the_start(db: Database, client: Visitor) -> None:
    await at_work(client, db, "settings")
    path, wanted = "/backoffice/settings/recipients", "kitchen@shop.example\nboss@shop.example kitchen@shop.example"
    for wrong in ("kitchen", "a@b.example " * 2 + "<x@y>", " ".join(f"p{n}@b.example" for n in range(21))):
        assert (await post(client, path, {"addresses": wrong}))[0] == 422
    async with db.read() as conn:
        assert await recipients_of(conn, ("start@shop.example",)) == ["start@shop.example"]
    assert (await post(client, path, {"addresses": wanted}))[0] == 303
    async with db.read() as conn:
        found = await recipients_of(conn, ("start@shop.example",))
    assert found == ["kitchen@shop.example", "boss@shop.example"]
    assert "boss@shop.example" in await (await client.get(path)).text()
    assert await logged(db) == [("setting.changed", {"recipients": ["•", "•"]})]


async def test_s62_settings_are_changed_with_fresh_factors_only(db: Database, client: Visitor) -> None:
    await come_in(client, db, await employee(db, "settings"), minutes_ago=11)
    proof = await token_of(client)
    said = {"/backoffice/settings/pause": CLOSED, "/backoffice/settings/recipients": {"addresses": "a@b.example"}}
    for path, told in said.items():
        answer = await client.post(path, data=told, headers=proof, allow_redirects=False)
        assert answer.status == 303
        assert "/backoffice/login" in answer.headers["Location"]
    async with db.read() as conn:
        assert await pause_of(conn) is None
        assert await recipients_of(conn, ()) == []
    assert await logged(db) == []
