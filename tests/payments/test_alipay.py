"""Alipay, against a stand-in gateway that checks every signature of ours and signs everything of its own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from shop.payments.models import Payment, Refund, State, Status
from shop.payments.providers import rsa2
from shop.payments.providers.alipay import Alipay, minor_units
from shop.payments.providers.base import Forged, ProviderAway, RefundRefused, Visit
from shop.payments.providers.client import Client
from shop.settings import Settings, SettingsError
from tests.payments.alipay_gateway import APP_ID, SELLER_ID, Gateway, body_of

REFERENCE = "7K3M9QXZ4T2W_1"
AMOUNTS = ("", "x", "-30.05", "3e1", "30.055", "３０.０５")
VISIT = Visit(
    subject="Daily Fresh · 天天生鲜 7K3M",
    return_url="https://shop.example/back?a=1&b=2",
    notify_url="https://shop.example/notice",
    lang="zh",
    is_phone=False,
)


@dataclass
class Counter:
    """The shop's side and the other side."""

    alipay: Alipay
    gateway: Gateway
    payment: Payment

    async def visit(self, visit: Visit = VISIT) -> dict[str, Any]:
        """The buyer goes there; what was wished."""
        address = await self.alipay.start(self.payment, visit)
        assert address is not None
        params = dict(parse_qsl(urlsplit(address).query))
        wish = self.gateway.checked(params)
        self.gateway.trades[REFERENCE] = {
            "trade_status": "WAIT_BUYER_PAY",
            "trade_no": "2026",
            "total_amount": wish["total_amount"],
        }
        return {**params, **wish}


@pytest.fixture(scope="module")
def gateway() -> Gateway:
    return Gateway()


@pytest.fixture
async def counter(gateway: Gateway, settings: Settings, tmp_path: Path) -> AsyncIterator[Counter]:
    gateway.trades.clear()
    gateway.refunds.clear()
    gateway.mood = ""
    client = Client()
    async with TestServer(gateway.app()) as server:
        chosen = settings_of(settings, gateway, tmp_path, payment_alipay_gateway=str(server.make_url("/gateway.do")))
        yield Counter(await asyncio.to_thread(Alipay.of, chosen, client), gateway, payment())
    await client.close()


def settings_of(settings: Settings, gateway: Gateway, folder: Path, **changes: Any) -> Settings:
    """Alipay switched on."""
    known = {"payment_alipay_app_id": APP_ID, "payment_alipay_seller_id": SELLER_ID, **gateway.write_keys(folder)}
    return settings.model_copy(update={"payment_methods": ("alipay",), **known, **changes})


def payment(**changes: Any) -> Payment:
    at = datetime(2026, 11, 22, 16, 5, 0, tzinfo=UTC)
    facts: dict[str, Any] = {
        "id": 7,
        "order_id": 1,
        "provider": "alipay",
        "reference": REFERENCE,
        "state": State.OPEN,
        "amount": 3005,
        "currency": "CNY",
        "trade_no": None,
        "refunded": 0,
        "problem": {},
        "started_at": at,
        "expires_at": at,
    }
    return Payment(**{**facts, "asked_at": None, "ask_at": None, "settled_at": None, **changes})


def back(**changes: Any) -> Refund:
    facts: dict[str, Any] = {"id": 3, "payment_id": 7, "key": "k", "amount": 1050, "reason": "坏了", "account_id": None}
    return Refund(**{**facts, "state": "asked", "asked_at": None, "settled_at": None, **changes})


@pytest.mark.parametrize(
    ("is_phone", "method", "product"),
    [(False, "alipay.trade.page.pay", "FAST_INSTANT_TRADE_PAY"), (True, "alipay.trade.wap.pay", "QUICK_WAP_WAY")],
)
async def test_a_buyer_is_sent_with_a_signed_wish(counter: Counter, is_phone: bool, method: str, product: str) -> None:
    wish = await counter.visit(
        Visit(**{**{name: getattr(VISIT, name) for name in VISIT.__slots__}, "is_phone": is_phone})
    )
    assert (wish["method"], wish["product_code"]) == (method, product)
    assert (wish["out_trade_no"], wish["total_amount"]) == (REFERENCE, "30.05")
    assert wish["time_expire"] == "2026-11-23 00:05:00"  # Beijing's clock
    assert (wish["return_url"], wish["notify_url"]) == (VISIT.return_url, VISIT.notify_url)
    assert ("quit_url" in wish) == is_phone


async def test_asking_follows_the_trade(counter: Counter) -> None:
    assert await counter.alipay.query(counter.payment) == []
    await counter.visit()
    (report,) = await counter.alipay.query(counter.payment)
    assert report.status is Status.PENDING
    counter.gateway.pay(REFERENCE)
    (report,) = await counter.alipay.query(counter.payment)
    assert (report.status, report.trade_no, report.amount, report.currency) == (Status.PAID, "2026", 3005, "CNY")
    assert (await counter.alipay.close(counter.payment)).status is Status.PAID


async def test_closing_and_giving_back(counter: Counter) -> None:
    assert (await counter.alipay.close(counter.payment)).status is Status.CLOSED
    await counter.visit()
    with pytest.raises(RefundRefused):
        await counter.alipay.refund(counter.payment, back())
    assert (await counter.alipay.close(counter.payment)).status is Status.CLOSED
    assert (await counter.alipay.query(counter.payment))[0].status is Status.CLOSED
    counter.gateway.trades[REFERENCE]["trade_status"] = "TRADE_SUCCESS"
    for _ in range(2):
        await counter.alipay.refund(counter.payment, back())
    assert counter.gateway.refunds == {"r3": "10.50"}


@pytest.mark.parametrize("mood", ["unsure", "another", "forged", "altered"])
async def test_s43_an_answer_that_is_not_alipays_word_about_this_trade_is_no_answer(
    counter: Counter, mood: str
) -> None:
    await counter.visit()
    counter.gateway.mood = mood
    with pytest.raises(ProviderAway):
        await counter.alipay.query(counter.payment)
    counter.gateway.trades[REFERENCE]["trade_status"] = "TRADE_SUCCESS"
    if mood != "altered":
        with pytest.raises(ProviderAway):
            await counter.alipay.refund(counter.payment, back())


async def test_a_notice_says_what_was_paid(counter: Counter) -> None:
    await counter.visit()
    said = counter.alipay.read_notice({}, body_of(counter.gateway.pay(REFERENCE)))
    assert (said.reference, said.status, said.trade_no) == (REFERENCE, Status.PAID, "2026")
    assert (said.amount, said.currency, said.event_id) == (3005, "CNY", f"n-{REFERENCE}-TRADE_SUCCESS")


def mutants(gateway: Gateway) -> dict[str, bytes]:
    """Notices that are not Alipay's for this merchant, or are broken."""
    good = gateway.pay(REFERENCE)
    stranger = rsa.generate_private_key(65537, 2048)
    text = rsa2.text_of(good, without=frozenset({"sign", "sign_type"}))
    changed = {f"{name} altered": {**good, name: value + "1"} for name, value in good.items() if name != "sign_type"}
    resigned = {
        "another app": gateway.notice(REFERENCE, app_id="2021000000000002"),
        "another seller": gateway.notice(REFERENCE, seller_id="2088000000000002"),
        "no seller": gateway.notice(REFERENCE, seller_id=""),
        "unknown status": gateway.notice(REFERENCE, trade_status="TRADE_PENDING"),
        "no status": gateway.notice(REFERENCE, trade_status=""),
        "no event": gateway.notice(REFERENCE, notify_id=""),
        "no reference": gateway.notice(REFERENCE, out_trade_no=""),
        **{
            f"amount {amount}": gateway.notice(REFERENCE, total_amount=amount)
            for amount in ("", "x", "-30.05", "3e1", "30.055", "３０.０５")
        },
    }
    others = {
        "no signature": {name: value for name, value in good.items() if name != "sign"},
        "empty signature": {**good, "sign": ""},
        "no base64": {**good, "sign": "!"},
        "wrong key": {**good, "sign": rsa2.sign(stranger, text)},
        "our own key": {**good, "sign": rsa2.sign(gateway.ours, text)},
        "RSA instead of RSA2": {**good, "sign_type": "RSA"},
        "MD5": {**good, "sign_type": "MD5"},
        "no type": {name: value for name, value in good.items() if name != "sign_type"},
        "one more": {**good, "refund_fee": "1"},
        "one less": {name: value for name, value in good.items() if name != "subject"},
    }
    bodies = {name: body_of(said) for name, said in {**changed, **resigned, **others}.items()}
    good_body = body_of(good)
    return {
        **bodies,
        "nothing": b"",
        "json": json.dumps(good).encode(),
        "a parameter twice": good_body + b"&" + urlencode({"total_amount": "0.01"}).encode(),
        "bytes": good_body + b"&x=\xff",
        "half an escape": good_body + b"&x=%ff",
    }


async def test_s43_no_mutant_of_a_notice_is_believed(counter: Counter) -> None:
    await counter.visit()
    found = mutants(counter.gateway)
    assert len(found) >= 30
    for name, body in found.items():
        with pytest.raises(Forged):
            raise AssertionError(f"{name}: {counter.alipay.read_notice({}, body)}")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"payment_alipay_app_id": ""}, "SHOP_PAYMENT_ALIPAY_APP_ID is missing; "),
        ({"payment_alipay_seller_id": ""}, "SHOP_PAYMENT_ALIPAY_SELLER_ID is missing; "),
        ({"payment_alipay_private_key": None}, "SHOP_PAYMENT_ALIPAY_PRIVATE_KEY is missing; "),
        ({"payment_alipay_public_key": None}, "SHOP_PAYMENT_ALIPAY_PUBLIC_KEY is missing; "),
        (
            {"payment_alipay_public_key": Path("/nowhere")},
            "SHOP_PAYMENT_ALIPAY_PUBLIC_KEY names a file that cannot be read.",
        ),
        ({"currency": "EUR"}, "SHOP_PAYMENT_METHODS names alipay, which takes CNY and not EUR."),
    ],
)
def test_s43_without_its_secrets_alipay_stops_the_start(
    gateway: Gateway, settings: Settings, tmp_path: Path, changes: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(SettingsError, match=sentence):
        Alipay.of(settings_of(settings, gateway, tmp_path, **changes), Client())


def test_s43_a_weak_or_foreign_key_stops_the_start(gateway: Gateway, settings: Settings, tmp_path: Path) -> None:
    weak = rsa.generate_private_key(65537, 1024)
    other = ec.generate_private_key(ec.SECP256R1())
    for key in (weak, other):
        chosen = settings_of(settings, gateway, tmp_path)
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (tmp_path / "app.pem").write_bytes(pem)
        with pytest.raises(SettingsError, match="holds no private RSA key of 2048 bits or more"):
            Alipay.of(chosen, Client())
    (tmp_path / "app.pem").write_text("")
    (tmp_path / "alipay.pem").write_text("")
    with pytest.raises(SettingsError, match="holds no"):
        Alipay.of(chosen, Client())


def test_keys_are_read_as_alipays_tool_writes_them(gateway: Gateway, settings: Settings, tmp_path: Path) -> None:
    chosen = settings_of(settings, gateway, tmp_path)
    for file in ("app.pem", "alipay.pem"):
        lines = (tmp_path / file).read_text().splitlines()[1:-1]
        (tmp_path / file).write_text("".join(lines))
    assert Alipay.of(chosen, Client()).name == "alipay"


@pytest.mark.parametrize(
    ("gateway_url", "origins"),
    [
        ("https://openapi.alipay.com/gateway.do", ("https://openapi.alipay.com", "https://*.alipay.com")),
        (
            "https://openapi-sandbox.dl.alipaydev.com/gateway.do",
            ("https://openapi-sandbox.dl.alipaydev.com", "https://*.alipaydev.com"),
        ),
        ("https://alipay.com.evil.example/gateway.do", ("https://alipay.com.evil.example",)),
    ],
)
def test_forms_may_lead_to_alipay(
    gateway: Gateway, settings: Settings, tmp_path: Path, gateway_url: str, origins: tuple[str, ...]
) -> None:
    chosen = settings_of(settings, gateway, tmp_path, payment_alipay_gateway=gateway_url)
    assert Alipay.of(chosen, Client()).origins == origins


@pytest.mark.parametrize(
    ("text", "minor"), [("30.05", 3005), ("30.5", 3050), ("30", 3000), ("0.01", 1), ("", None), ("1.234", None)]
)
def test_amounts_are_whole_minor_units(text: str, minor: int | None) -> None:
    assert minor_units(text) == minor
