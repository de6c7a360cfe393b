"""What orders promise is kept: mails to buyers and to the shop, and the sweeping."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from email.message import EmailMessage
from typing import Any

import pytest

from shop.db import Database
from shop.mail import Mailer
from shop.orders import service
from shop.orders.placing.models import Placed
from shop.outbox import Lease
from shop.settings import Settings
from shop.tokens import Tokens
from shop.urls import Urls
from tasks import orders as tasks
from tasks.payments import refund
from tasks.runtime import Workshop
from tests.orders.market import Market


class Postbox:
    """A mailer that keeps what it wrote."""

    def __init__(self, mailer: Mailer) -> None:
        self._mailer = mailer
        self.mails: list[EmailMessage] = []

    async def send(self, mail: str, **words: Any) -> None:
        self.mails.append(await asyncio.to_thread(self._mailer.write, mail, **words))


@pytest.fixture
def shop(settings: Settings, db: Database) -> Workshop:
    chosen = settings.model_copy(update={"order_mails": ("kitchen@shop.example", "boss@shop.example")})
    postbox: Any = Postbox(Mailer.of(chosen))
    return Workshop(chosen, db, Urls(chosen.url, chosen.languages), Tokens(chosen.secret_keys), postbox)


async def keep_promises(shop: Workshop) -> None:
    """Does what the worker would do with every open promise, until none is left."""
    known = {name: work for name, work in vars(tasks).items() if name.startswith("send_")}
    while True:
        async with shop.db.transaction() as conn:
            rows = await conn.fetch_all("DELETE FROM outbox RETURNING id, lease, reference, task, args, attempts")
        if not rows:
            return
        for row in sorted(rows, key=lambda row: row.id):
            await known[row.task.rpartition(".")[2]](shop, Lease(**row.mapping), **row.args)


def text_of(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


async def test_buyer_and_shop_hear_of_an_order(shop: Workshop, market: Market) -> None:
    sku = await market.sku(10, 1250)
    mei = await market.account("mei")
    placed = await market.buy_one(replace(market.cash_wish(mei, (sku, 2), total=3500), lang="zh"))
    assert isinstance(placed, Placed)
    await keep_promises(shop)
    buyer, kitchen, boss = shop.mailer.mails  # type: ignore[attr-defined]
    assert [mail["To"].addresses[0].addr_spec for mail in (buyer, kitchen, boss)] == [
        "mei@example.com",
        "kitchen@shop.example",
        "boss@shop.example",
    ]
    assert buyer["Subject"] == f"您的订单 {placed.number}"
    assert "2 × 苹果" in text_of(buyer)
    assert "¥35.00" in text_of(buyer)
    assert f"{shop.settings.url}/zh/orders/{placed.number}\n" in text_of(buyer)
    assert kitchen["Subject"] == f"New order {placed.number}"


async def test_a_guest_gets_the_link_that_opens_the_order(shop: Workshop, market: Market) -> None:
    sku = await market.sku(10)
    placed = await market.buy_one(market.wish((sku, 1), total=2000, email="guest@example.com"))
    assert isinstance(placed, Placed)
    await keep_promises(shop)
    (mail,) = shop.mailer.mails  # type: ignore[attr-defined]
    assert f"/orders/{placed.number}?key=" in text_of(mail)


async def test_s26_what_a_buyer_types_is_never_markup_in_a_mail(shop: Workshop, market: Market) -> None:
    canary = "<img src=x onerror=alert(1)>"
    address = dict.fromkeys(("receiver", "phone", "city", "street"), canary) | {"country": "CN"}
    await market.buy_one(market.wish((await market.sku(10), 1), total=2000, address=address, note=canary))
    await keep_promises(shop)
    (mail,) = shop.mailer.mails  # type: ignore[attr-defined]
    html = mail.get_body(("html",)).get_content()
    assert "<img src=x" not in html
    assert "&lt;img src=x" in html


async def test_every_step_has_its_mail(shop: Workshop, market: Market) -> None:
    sku = await market.sku(10)
    first, second = await market.buy(market.wish((sku, 1), total=2000), market.wish((sku, 1), total=2000))
    assert isinstance(first, Placed)
    assert isinstance(second, Placed)
    async with market.db.transaction() as conn:
        await conn.execute("DELETE FROM outbox")
        await service.mark_paid(conn, first.order_id, 2000)
        await service.pack(conn, first.order_id)
        await service.ship(conn, first.order_id)
        await service.mark_refunded(conn, first.order_id, 500)
        await service.cancel(conn, second.order_id, actor=service.Actor.STAFF)
    await keep_promises(shop)
    mails = [mail for mail in shop.mailer.mails if "shop.example" not in str(mail["To"])]  # type: ignore[attr-defined]
    assert [mail["Subject"] for mail in mails] == [
        f"Your order {first.number} is paid",
        f"Your order {first.number} is on its way",
        f"Money back for your order {first.number}",
        f"Your order {second.number} was cancelled",
    ]
    assert "Amount: ¥5.00" in text_of(mails[2])


async def test_the_answer_to_a_return_comes_by_mail_with_its_reason(shop: Workshop, market: Market) -> None:
    sku = await market.sku(10)
    mei = await market.account("mei")
    numbers = []
    for lang, is_accepted, reason in (("zh", True, ""), ("en", False, "<b>eaten</b>")):
        placed = await market.buy_one(replace(market.cash_wish(mei, (sku, 1), total=2000), lang=lang))
        assert isinstance(placed, Placed)
        numbers.append(placed.number)
        async with market.db.transaction() as conn:
            for step in (service.pack, service.ship, service.deliver):
                await step(conn, placed.order_id)
            await service.ask_return(conn, placed.order_id, "mouldy")
            await conn.execute("DELETE FROM outbox")
            await service.decide_return(conn, placed.order_id, is_accepted=is_accepted, reason=reason)
            with pytest.raises(service.NotAllowed):
                await service.decide_return(conn, placed.order_id, is_accepted=True)
        await keep_promises(shop)
    accepted, refused = shop.mailer.mails  # type: ignore[attr-defined]
    assert [str(mail["To"]) for mail in (accepted, refused)] == ["Mei <mei@example.com>"] * 2
    assert accepted["Subject"] == f"您的订单 {numbers[0]} 的退货申请已通过"
    assert refused["Subject"] == f"The return of your order {numbers[1]}"
    assert "We could not accept the return." in text_of(refused)
    assert "<b>eaten</b>" in text_of(refused)
    assert "What we have to say" not in text_of(accepted)
    assert f"{shop.settings.url}/orders/{numbers[1]}\n" in text_of(refused)
    html = refused.get_body(("html",)).get_content()
    assert "&lt;b&gt;eaten&lt;/b&gt;" in html
    assert "<b>eaten" not in html


async def test_the_sweeper_releases_holds_and_finishes_what_is_old(shop: Workshop, market: Market) -> None:
    sku = await market.sku(100)
    answers = await market.buy(*(market.wish((sku, 1), total=2000) for _ in range(25)))
    async with market.db.transaction() as conn:
        assert isinstance(answers[0], Placed)
        await service.mark_paid(conn, answers[0].order_id, 2000)
        for step in (service.pack, service.ship, service.deliver):
            await step(conn, answers[0].order_id)
        await conn.execute("UPDATE orders SET hold_until = now() WHERE hold_until IS NOT NULL AND id < 25")
    held = Lease(1, *([None] * 2), "tasks.orders.sweep", {}, 1)  # type: ignore[arg-type]
    await tasks.sweep(shop, held)
    async with market.db.read() as conn:
        states = await conn.fetch_all("SELECT fulfilment, count(*) AS n FROM orders GROUP BY 1 ORDER BY 1")
    assert [tuple(row) for row in states] == [("cancelled", 23), ("delivered", 1), ("placed", 1)]
    assert await market.stock(sku) == 98
    async with market.db.transaction() as conn:
        assert await service.finish_old(conn, 0) == 1
    assert await market.is_sound()


async def test_cash_that_goes_back_is_given_by_people(shop: Workshop, market: Market) -> None:
    sku, mei = await market.sku(10), await market.account("mei")
    placed = await market.buy_one(market.cash_wish(mei, (sku, 1), total=2000))
    assert isinstance(placed, Placed)
    async with market.db.transaction() as conn:
        for step in (service.pack, service.ship, service.deliver):
            await step(conn, placed.order_id)
        await service.ask_return(conn, placed.order_id, "soft")
        await service.decide_return(conn, placed.order_id, is_accepted=True)
        await conn.execute("DELETE FROM outbox")
        await service.receive_return(conn, placed.order_id, fit_for_sale=False)
        row = await conn.fetch_one("DELETE FROM outbox RETURNING task, args")
    assert row is not None
    assert row.task == "tasks.payments.refund"
    await refund(shop, Lease(1, *([None] * 2), row.task, row.args, 1), **row.args)  # type: ignore[arg-type]
    await keep_promises(shop)
    first, second = shop.mailer.mails  # type: ignore[attr-defined]
    assert {first["To"].addresses[0].addr_spec, second["To"].addresses[0].addr_spec} == {
        "kitchen@shop.example",
        "boss@shop.example",
    }
    assert first["Subject"] == f"Give back cash for order {placed.number}"
    assert "Amount: ¥20.00" in text_of(first)
