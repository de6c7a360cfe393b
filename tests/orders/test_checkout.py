"""From a basket to an order on one page, as people do it."""

from __future__ import annotations

import asyncio
import re
from contextlib import AsyncExitStack
from typing import Any
from uuid import uuid4

import pytest

from shop.db import Database
from shop.delivery.models import Area
from shop.keys import TOKENS
from shop.orders import live, service
from shop.orders.checkout import views
from shop.orders.links import order_key
from shop.orders.placing.models import Placed
from shop.settings import Settings
from shop.web.streams import LIVE
from tests.accounts.test_email import NEW, link
from tests.conftest import Visitor
from tests.orders.market import Market
from tests.world import CSRF, LIN, TOM, customer, sign_in, submit

HIDDEN = re.compile(r'type="hidden" name="([a-z_]+)" value="([^"]*)"')
ADDRESS = {
    "address_id": "new",
    "receiver": "Lin",
    "phone": "13800138000",
    "country": "CN",
    "province": "Beijing",
    "city": "",
    "district": "Haidian",
    "street": "1 Zhongguancun",
    "postcode": "100084",
}


@pytest.fixture
async def market(db: Database) -> Market:
    market = await Market.open(db)
    async with db.transaction() as conn:
        await Area.objects.using(conn).create(zone_id=market.zone_id, city_key="beijing")
    return market


@pytest.fixture
async def lin(client: Visitor, market: Market) -> Visitor:
    """Lin, signed in."""
    await customer(market.db, LIN)
    await sign_in(client, LIN)
    return client


async def put(visitor: Visitor, sku: int, quantity: int = 1) -> None:
    await submit(visitor, "/cart/lines", {"sku": str(sku), "quantity": str(quantity)}, on="/cart")


async def desk(visitor: Visitor) -> dict[str, str]:
    """The hidden fields of a freshly opened checkout page."""
    return dict(HIDDEN.findall(await (await visitor.get("/checkout")).text()))


def fields(market: Market, hidden: dict[str, str], **more: str) -> dict[str, str]:
    return {**hidden, **ADDRESS, "window": str(market.window_id), "method": "cash", "note": "", "order": "1", **more}


async def order(visitor: Visitor, said: dict[str, str]) -> Any:
    """Presses the button, after one look that shows the sums for the address."""
    looked = await visitor.post("/checkout", data={**said, "look": "1"})
    shown = dict(HIDDEN.findall(await looked.text()))
    return await visitor.post("/checkout", data={**said, **shown}, allow_redirects=False)


async def orders(market: Market) -> int:
    return (await market.counts())["orders"]


async def test_a_member_orders_for_cash_and_follows_the_story(lin: Visitor, market: Market) -> None:
    sku = await market.sku(10, 2000)
    await put(lin, sku, 2)
    page = await (await lin.get("/checkout")).text()
    assert "Order for ¥40.00" in page
    placed = await order(lin, fields(market, await desk(lin)))
    assert placed.status == 303, await placed.text()
    path = placed.headers["Location"]
    page = await (await lin.get(path)).text()
    assert "Thank you! We have your order and have written to lin@example.com." in page
    assert "Please have ¥50.00 ready when it arrives." in page
    assert "1 Zhongguancun" in page
    assert "It is empty." in await (await lin.get("/cart")).text()
    assert path.rpartition("/")[2] in await (await lin.get("/account/orders")).text()
    receipt = await (await lin.get(f"{path}/receipt")).text()
    assert re.search(r"9 %.*¥40\.00.*¥3\.30", receipt, re.DOTALL)
    assert re.search(r"13 %.*¥10\.00.*¥1\.15", receipt, re.DOTALL)
    chinese = await (await lin.get(f"/zh{path}")).text()
    assert "我们已收到您的订单。" in chinese
    assert await market.is_sound()


async def test_a_municipality_is_its_own_city_and_said_once(lin: Visitor, market: Market) -> None:
    path = await place(lin, market)
    async with market.db.transaction() as conn:
        await conn.execute("""UPDATE orders SET address = address || '{"province": "上海市", "city": "上海市"}'""")
    assert "<br>上海市 Haidian 100084<br>1 Zhongguancun" in await (await lin.get(path)).text()


async def test_s39_the_second_click_opens_the_same_order(lin: Visitor, market: Market) -> None:
    sku = await market.sku(10, 2000)
    await put(lin, sku)
    said = fields(market, await desk(lin), seen_total="3000")
    first = await lin.post("/checkout", data=said, allow_redirects=False)
    second = await lin.post("/checkout", data=said, allow_redirects=False)
    assert (first.status, second.status) == (303, 303)
    assert first.headers["Location"] == second.headers["Location"]
    other = await lin.post("/checkout", data={**said, "note": "another"}, allow_redirects=False)
    assert other.headers["Location"] == "/cart"
    assert "Nothing more was ordered." in await (await lin.get("/cart")).text()
    never = await lin.post("/checkout", data={**said, "checkout_id": str(uuid4())}, allow_redirects=False)
    assert never.headers["Location"] == "/cart"
    assert "Your basket is empty." in await (await lin.get("/cart")).text()
    await put(lin, sku)
    refused = await lin.post("/checkout", data={**said, "note": "another"}, allow_redirects=False)
    assert refused.status == 409
    assert "This page was used for another order already." in await refused.text()
    assert await orders(market) == 1
    assert await market.stock(sku) == 9


async def test_script_is_told_where_to_go_and_shown_what_is_refused(lin: Visitor, market: Market) -> None:
    await put(lin, await market.sku(10, 2000))
    said, by_script = fields(market, await desk(lin), seen_total="1"), {"Accept": "application/json, text/html"}
    refused = await lin.post("/checkout", data=said, headers=by_script)
    assert (refused.status, refused.content_type) == (409, "text/html")
    placed = await lin.post("/checkout", data={**said, "seen_total": "3000"}, headers=by_script)
    assert placed.status == 200
    path = (await placed.json())["location"]
    assert (await lin.get(path)).status == 200
    assert "Location" not in placed.headers
    late = await lin.post("/checkout", data={**said, "note": "another"}, headers=by_script)
    assert await late.json() == {"location": "/cart"}
    assert "Nothing more was ordered." in await (await lin.get("/cart")).text()


@pytest.mark.parametrize("seen", ["1", "-3000", "0", "2999", "x", ""])
async def test_s33_another_total_asks_again(lin: Visitor, market: Market, seen: str) -> None:
    sku = await market.sku(10, 2000)
    await put(lin, sku)
    said = fields(market, await desk(lin), seen_total=seen, total="1", discount="9999", price="1")
    answer = await lin.post("/checkout", data=said, allow_redirects=False)
    page = await answer.text()
    assert answer.status == 409
    assert "The total is ¥30.00 now." in page
    assert await orders(market) == 0
    again = await lin.post("/checkout", data={**said, **dict(HIDDEN.findall(page))}, allow_redirects=False)
    assert again.status == 303


async def test_s25_fields_nobody_asked_for_change_nothing(lin: Visitor, market: Market) -> None:
    sku = await market.sku(10, 2000)
    await put(lin, sku)
    extra = dict.fromkeys(("account_id", "user_id", "is_admin", "price", "status", "paid", "goods", "refunded"), "7")
    extra |= {"payment": "paid", "fulfilment": "delivered", "freight": "0", "discount": "2000", "number": "MINE"}
    said = fields(market, await desk(lin), seen_total="3000", **extra)
    assert (await lin.post("/checkout", data=said, allow_redirects=False)).status == 303
    async with market.db.read() as conn:
        order = await conn.fetch_one("SELECT * FROM orders")
    assert order is not None
    assert (order.payment, order.fulfilment, order.total, order.refunded) == ("due", "placed", 3000, 0)
    assert (order.account_id, order.number != "MINE") == (1, True)


async def test_an_address_of_somebody_else_is_not_there(lin: Visitor, market: Market) -> None:
    tom = await customer(market.db, TOM)
    async with market.db.transaction() as conn:
        foreign = await conn.fetch_value(
            "INSERT INTO addresses (account_id, receiver, phone, city, street) VALUES"
            " (%(tom)s, 'Tom', '13900139000', 'Beijing', 'Secret Lane') RETURNING id",
            {"tom": tom.id},
        )
    await put(lin, await market.sku(10, 2000))
    said = {**fields(market, await desk(lin), seen_total="3000"), "address_id": str(foreign), "street": "", "phone": ""}
    answer = await lin.post("/checkout", data=said, allow_redirects=False)
    assert answer.status == 422
    assert "Secret Lane" not in await answer.text()
    assert await orders(market) == 0


async def test_s40_an_old_page_orders_nothing_it_does_not_show(lin: Visitor, market: Market) -> None:
    sku = await market.sku(10, 2000)
    await put(lin, sku)
    said = fields(market, await desk(lin), seen_total="3000")
    await put(lin, sku)
    answer = await lin.post("/checkout", data=said, allow_redirects=False)
    assert answer.status == 409
    assert "Your basket has changed since this page was opened." in await answer.text()
    assert await orders(market) == 0


async def test_s40_steps_cannot_be_skipped(client: Visitor, market: Market) -> None:
    assert (await client.get("/checkout", allow_redirects=False)).headers["Location"] == "/cart"
    assert (await client.post("/checkout", data={}, allow_redirects=False)).headers["Location"] == "/cart"
    sku = await market.sku(10, 2000)
    await put(client, sku)
    hidden = await desk(client)
    for missing in ("window", "street", "receiver", "phone", "email", "method", "checkout_id"):
        said = fields(market, hidden, email="guest@example.com", seen_total="3000")
        del said[missing]
        answer = await client.post("/checkout", data=said, allow_redirects=False)
        assert answer.status == 422, missing
    assert await orders(market) == 0


async def test_cash_is_not_for_guests_nor_for_large_totals(lin: Visitor, new_visitor: Any, market: Market) -> None:
    sku = await market.sku(100, 30_000)
    guest = await new_visitor()
    for visitor, quantity in ((guest, 1), (lin, 2)):
        await put(visitor, sku, quantity)
        said = fields(market, await desk(visitor), email="guest@example.com")
        answer = await order(visitor, said)
        assert answer.status == 422
        assert "Choose how you want to pay." in await answer.text()
    assert await orders(market) == 0


async def test_what_somebody_else_took_is_named(lin: Visitor, market: Market) -> None:
    sku = await market.sku(2, 2000)
    await put(lin, sku, 2)
    said = fields(market, await desk(lin), seen_total="5000")
    async with market.db.transaction() as conn:
        await conn.execute("UPDATE skus SET stock = 1 WHERE id = %(id)s", {"id": sku})
    answer = await lin.post("/checkout", data=said)
    assert answer.status == 409
    assert "There is not enough left of: Apple." in await answer.text()


@pytest.mark.parametrize(
    ("prefix", "days"),
    [
        (
            "",
            {
                "Fri, Jan 1": ["08:00\u2009–\u200910:00", "10:00\u2009–\u200912:00 · full"],
                "Sat, Jan 2": ["08:00\u2009–\u200910:00"],
            },
        ),
        ("/zh", {"1月1日周五": ["08:00–10:00", "10:00–12:00 · 已约满"], "1月2日周六": ["08:00–10:00"]}),
    ],
)
async def test_times_to_choose_stand_under_their_days(
    lin: Visitor, market: Market, prefix: str, days: dict[str, list[str]]
) -> None:
    async with market.db.transaction() as conn:
        await conn.execute("DELETE FROM delivery_windows")
        await conn.execute(
            """INSERT INTO delivery_windows (zone_id, starts_at, ends_at, cutoff_at, capacity, taken)
            SELECT %(zone)s, at, at + interval '2 hours', at, 5,
                CASE extract(hour FROM at AT TIME ZONE 'Asia/Shanghai') WHEN 10 THEN 5 ELSE 0 END
            FROM unnest('{2100-01-01 08:00+08,2100-01-01 10:00+08,2100-01-02 08:00+08}'::timestamptz[]) AS at""",
            {"zone": market.zone_id},
        )
    await put(lin, await market.sku(5, 2000))
    page = await (await lin.post(f"{prefix}/checkout", data={**await desk(lin), **ADDRESS, "look": "1"})).text()
    shown = {
        day: [re.sub(r"<[^>]+>", "", label).strip() for label in re.findall(r"<label.*?</label>", rest, re.DOTALL)]
        for day, rest in re.findall(r"options--day\">\s*<legend>([^<]+)</legend>(.*?)</fieldset>", page, re.DOTALL)
    }
    assert shown == days
    assert re.findall(r'name="window" value="\d+"( disabled)?', page) == ["", " disabled", ""]


async def test_goods_can_be_fetched_where_nothing_is_delivered(lin: Visitor, market: Market) -> None:
    sku = await market.sku(5, 2000)
    async with market.db.transaction() as conn:
        await conn.execute(
            """WITH z AS (INSERT INTO delivery_zones (kind, name) VALUES ('pickup', '{"en": "Counter"}') RETURNING id)
            UPDATE delivery_windows SET zone_id = z.id FROM z"""
        )
    await put(lin, sku)
    said = {**await desk(lin), "receiver": "Lin", "phone": "13800138000", "address_id": "new", "province": "Sichuan"}
    said |= {"country": "CN", "city": "Chengdu", "window": str(market.window_id), "method": "cash"}
    looked = await (await lin.post("/checkout", data={**said, "look": "1"})).text()
    assert "We do not deliver there." in looked
    assert "You fetch it: Counter" in looked
    placed = await order(lin, {**said, "order": "1"})
    assert placed.status == 303, await placed.text()
    async with market.db.read() as conn:
        row = await conn.fetch_one("SELECT freight, address, zone_kind FROM orders")
    assert row is not None
    assert tuple(row) == (0, {"receiver": "Lin", "phone": "13800138000"}, "pickup")


async def place(visitor: Visitor, market: Market) -> str:
    """The path of a new order."""
    await put(visitor, await market.sku(5, 2000))
    placed = await visitor.post(
        "/checkout", data=fields(market, await desk(visitor), seen_total="3000"), allow_redirects=False
    )
    return str(placed.headers["Location"])


async def test_s47_another_customers_order_looks_like_none(lin: Visitor, new_visitor: Any, market: Market) -> None:
    path = await place(lin, market)
    await customer(market.db, TOM)
    tom, guest = await new_visitor(), await new_visitor()
    await sign_in(tom, TOM)
    for visitor in (tom, guest):
        for address in (path, f"{path}/receipt", f"{path}/events", f"{path}?key=", f"{path}?key=forged"):
            assert (await visitor.get(address)).status == 404
        for deed in ("cancellation", "return", "again"):
            answer = await submit(visitor, f"{path}/{deed}", {"reason": "mine"}, on="/cart")
            assert answer.status == 404
    assert (await lin.get("/orders/AAAA-AAAA-AAAA")).status == 404
    async with market.db.read() as conn:
        assert await conn.fetch_value("SELECT fulfilment FROM orders") == "placed"


async def test_a_member_cancels_before_packing_and_not_after(lin: Visitor, market: Market) -> None:
    path = await place(lin, market)
    await submit(lin, f"{path}/cancellation", {}, on=path)
    page = await (await lin.get(path)).text()
    assert "The order is cancelled. Nothing will be charged for it." in page
    assert "not paid yet" not in page + await (await lin.get("/account/orders")).text()
    assert "Cancel the order" not in page
    second = await place(lin, market)
    async with market.db.transaction() as conn:
        await conn.execute("UPDATE orders SET fulfilment = 'packed' WHERE fulfilment = 'placed'")
    await submit(lin, f"{second}/cancellation", {}, on=second)
    assert "It is too late to cancel" in await (await lin.get(second)).text()


async def test_an_order_can_be_wanted_again(lin: Visitor, market: Market) -> None:
    path = await place(lin, market)
    answer = await submit(lin, f"{path}/again", {}, on=path)
    assert answer.headers["Location"] == "/cart"
    assert "¥20.00" in await (await lin.get("/cart")).text()


async def test_guests_order_online_and_follow_the_link_they_were_given(
    client: Visitor, new_visitor: Any, market: Market
) -> None:
    await put(client, await market.sku(5, 2000))
    said = fields(market, await desk(client), email="Lin@Example.com", method="sandbox", seen_total="3000")
    placed = await client.post("/checkout", data=said, allow_redirects=False)
    link = placed.headers["Location"]
    page = await (await client.get(link)).text()
    assert "We keep the goods for you for 15 more minutes." in page
    answer = await client.get(link)
    assert (answer.headers["Referrer-Policy"], answer.headers["Cache-Control"]) == ("no-referrer", "no-store")
    path = link.partition("?")[0]
    other = await new_visitor()
    assert (await other.get(path)).status == 404
    number = path.rpartition("/")[2]
    wrong = await submit(other, "/orders", {"number": number, "email": "x@example.com"})
    assert "No order has this number and this e-mail address." in await wrong.text()
    found = await submit(other, "/orders", {"number": number.lower(), "email": "lin@example.com"})
    assert (await other.get(found.headers["Location"])).status == 200
    for _ in range(4):
        await submit(other, "/orders", {"number": number, "email": "x@example.com"})
    limited = await submit(other, "/orders", {"number": number, "email": "lin@example.com"})
    assert limited.status == 429
    assert int(limited.headers["Retry-After"]) > 0
    assert 'value="lin@example.com"' in await limited.text()
    await customer(market.db, LIN)
    await sign_in(client, LIN)
    assert number in await (await client.get("/account/orders")).text()


async def test_guest_orders_join_an_account_once_it_confirms_their_address(
    lin: Visitor, new_visitor: Any, settings: Settings, market: Market
) -> None:
    sku = await market.sku(10)
    wishes = [market.wish((sku, 1), total=2000, email=email) for email in (NEW, "stranger@example.com")]
    mine, other = await market.buy(*wishes)
    assert isinstance(mine, Placed)
    assert isinstance(other, Placed)
    await submit(lin, "/account/email", {"email": NEW})
    assert mine.number not in await (await lin.get("/account/orders")).text()
    await submit(await new_visitor(), await link(market.db, settings, 1), {})
    page = await (await lin.get("/account/orders")).text()
    assert mine.number in page
    assert other.number not in page


async def test_news_of_an_order_arrive_by_themselves_and_end_with_the_session(
    lin: Visitor, market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shop.web.streams.HEARTBEAT_SECONDS", 120.0)
    path = await place(lin, market)
    async with lin.get(f"{path}/events") as stream:
        assert stream.headers["Content-Type"].startswith("text/event-stream")
        async with market.db.transaction() as conn:
            await service.pack(conn, 1)
        assert await stream.content.readline() == b"event: news\n"
        page = await (await lin.get(path)).text()
        assert "Your goods are packed." in page
        token = CSRF.search(page)
        assert token is not None
        await lin.post("/logout", data={"csrf_token": token[1]})
        async with asyncio.timeout(60):  # at once, not at the next sign of life
            rest = await stream.content.read()
        assert b"news" not in rest.replace(b"data: 1\n\n", b"", 1)


async def test_pages_that_wait_for_news_are_limited_and_end_with_the_shop(
    lin: Visitor, server: Any, market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "PER_VISITOR", 2)
    monkeypatch.setattr(live, "IN_ALL", 3)
    path = await place(lin, market)
    async with AsyncExitStack() as pages:
        streams = [await pages.enter_async_context(lin.get(f"{path}/events")) for _ in range(2)]
        assert [stream.status for stream in streams] == [200, 200]
        refused = await lin.get(f"{path}/events")
        assert (refused.status, refused.headers["Retry-After"]) == (429, "30")
        with server.app[LIVE].waiting(99, "somebody else"):
            full = await lin.get(f"{path}/events")
        assert (full.status, full.headers["Retry-After"]) == (503, "30")
        server.app[LIVE].close()
        assert [await stream.content.read() for stream in streams] == [b"", b""]
    assert (await lin.get(f"{path}/events")).status == 503
    assert server.app[LIVE]._visitors.total() == 0


async def test_what_postgresql_cannot_keep_is_a_mistake_in_its_field(lin: Visitor, market: Market) -> None:
    await put(lin, await market.sku(5))
    said = fields(market, await desk(lin))
    for name in ("city", "district", "postcode", "street", "note"):
        for more in ({}, {"look": "1"}):
            answer = await submit(lin, "/checkout", {**said, name: "1\x00", **more}, on="/checkout")
            assert answer.status == (200 if more else 422), name
    async with market.db.read() as conn:
        assert await conn.fetch_value("SELECT count(*) FROM orders") == 0


async def test_guests_who_wait_for_news_of_their_orders_do_not_crowd_out_each_other(
    new_visitor: Any, server: Any, market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "PER_VISITOR", 1)
    sku = await market.sku(5)
    async with AsyncExitStack() as pages:
        for name in ("one", "two"):
            wish = market.wish((sku, 1), total=2000, email=f"{name}@example.com")
            number = getattr(await market.buy_one(wish), "number", "")
            path, key = f"/orders/{number}/events", {"key": order_key(server.app[TOKENS], number)}
            stream = await pages.enter_async_context((await new_visitor()).get(path, params=key))
            assert stream.status == 200
        assert (await (await new_visitor()).get(path, params=key)).status == 429
        server.app[LIVE].close()


async def test_hidden_numbers_nobody_could_have_seen_order_nothing(lin: Visitor, market: Market) -> None:
    await put(lin, await market.sku(5))
    said = fields(market, await desk(lin))
    for name in ("cart_version", "seen_total"):
        answer = await submit(lin, "/checkout", {**said, name: "9" * 5000}, on="/checkout")
        assert answer.status == 409
    async with market.db.read() as conn:
        assert await conn.fetch_value("SELECT count(*) FROM orders") == 0


async def test_a_name_copied_out_of_a_table_is_one_line_and_its_mail_can_be_written(
    lin: Visitor, market: Market
) -> None:
    await put(lin, await market.sku(5))
    said = fields(market, await desk(lin), receiver="Lin\tWang\r\nBcc: eve@example.net")
    assert (await order(lin, said)).status == 303
    async with market.db.read() as conn:
        address = await conn.fetch_value("SELECT address FROM orders")
    assert address["receiver"] == "Lin Wang Bcc: eve@example.net"


CANARY = """'"></textarea></script><img src=x onerror=alert(1)>{{7*7}}"""


async def test_s26_what_a_buyer_types_is_never_markup(lin: Visitor, market: Market) -> None:
    await put(lin, await market.sku(5))
    typed = dict.fromkeys(("receiver", "district", "street", "note"), CANARY)
    said = fields(market, await desk(lin), **typed)
    looked = await (await lin.post("/checkout", data={**said, "look": "1"})).text()
    refused = await (await lin.post("/checkout", data={**said, "seen_total": "1"})).text()
    placed = await order(lin, said)
    assert placed.status == 303, await placed.text()
    path = placed.headers["Location"]
    asked = await lin.post(f"{path}/return", data={"reason": CANARY, "csrf_token": said["csrf_token"]})
    pages = [looked, refused, await asked.text()]
    pages += [await (await lin.get(page)).text() for page in (path, f"{path}/receipt", "/account/orders")]
    for page in pages:
        assert "<img src=x" not in page
        assert "</textarea></script>" not in page
        assert ">49" not in page
    assert "&lt;img src=x" in pages[3]


@pytest.mark.parametrize("left", ["an empty basket", "a full window"])
async def test_a_second_click_that_overtakes_the_first_at_the_desk_has_the_same_answer(
    lin: Visitor, market: Market, monkeypatch: pytest.MonkeyPatch, left: str
) -> None:
    sku = await market.sku(5)
    await put(lin, sku)
    said = fields(market, await desk(lin))
    looked = await submit(lin, "/checkout", {**said, "look": "1"}, on="/cart")
    said |= dict(HIDDEN.findall(await looked.text()))
    first = await lin.post("/checkout", data=said, allow_redirects=False)
    if left == "a full window":
        await put(lin, sku)
        async with market.db.transaction() as conn:
            await conn.execute("UPDATE delivery_windows SET taken = capacity")
    answers = [views._placed_before]

    async def not_yet(*_: object) -> None:
        monkeypatch.setattr(views, "_placed_before", answers[0])

    monkeypatch.setattr(views, "_placed_before", not_yet)
    second = await lin.post("/checkout", data=said, allow_redirects=False)
    assert (second.status, second.headers["Location"]) == (303, first.headers["Location"])
    assert first.headers["Location"].startswith("/orders/")
    assert await orders(market) == 1


async def test_a_click_long_after_has_the_same_answer_however_the_province_was_written(
    lin: Visitor, market: Market
) -> None:
    await put(lin, await market.sku(5))
    said = fields(market, await desk(lin), province=" beijing ")
    looked = await submit(lin, "/checkout", {**said, "look": "1"}, on="/cart")
    said |= dict(HIDDEN.findall(await looked.text()))
    clicks = [await lin.post("/checkout", data=said, allow_redirects=False) for _ in range(3)]
    assert len({click.headers["Location"] for click in clicks}) == 1
    assert clicks[0].headers["Location"].startswith("/orders/")
    assert await orders(market) == 1
