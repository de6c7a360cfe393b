"""S43 at the shop's own door: a notice that is not the bank's changes nothing and is told to those who watch."""

from __future__ import annotations

import os
import time
from typing import Any

import orjson
import pytest
from aiohttp.test_utils import TestServer
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from shop.payments.providers.client import Client
from shop.payments.providers.sandbox import MERCHANT, Sandbox
from shop.payments.providers.seals import HEADER, BadSeal, check, seal, secret_of
from shop.payments.views import FORGERIES
from shop.settings import Settings, SettingsError
from tests.conftest import Visitor
from tests.orders.market import Market
from tests.payments.counter import TOTAL, begun, state, unpaid_order

PATH = "/payments/sandbox/notice"


def mutants(secret: bytes, said: dict[str, Any]) -> dict[str, tuple[bytes, str | None]]:
    """(body, signature) of notices that nobody may believe."""
    body = orjson.dumps(said)
    good, now = seal(secret, body), int(time.time())
    proof = good.partition(",v1=")[2]
    signatures: dict[str, str | None] = {
        "none": None,
        "empty": "",
        "another secret": seal(os.urandom(32), body),
        "the empty secret": seal(b"", body),
        "of another body": seal(secret, body + b" "),
        "too old": seal(secret, body, now - 400),
        "of tomorrow": seal(secret, body, now + 86_400),
        "its time altered": f"t={now + 1},v1={proof}" if f"t={now + 1}" not in good else f"t={now + 2},v1={proof}",
        "its time no number": f"t=x,v1={proof}",
        "its time negative": f"t=-1,v1={proof}",
        "no time": f"v1={proof}",
        "no proof": f"t={now},v1=",
        "half a proof": good[:-1],
        "upper case": good.upper(),
        "twice": f"{good},v1={proof}",
        "another scheme": good.replace("v1", "v0"),
        "not ASCII": f"t={now},v1=ä",
    }
    changed: dict[str, Any] = {
        "another merchant": {**said, "merchant": "somebody"},
        "no merchant": {name: value for name, value in said.items() if name != "merchant"},
        "amount as text": {**said, "amount": str(TOTAL)},
        "amount as fraction": {**said, "amount": float(TOTAL)},
        "amount as truth": {**said, "amount": True},
        "no amount": {name: value for name, value in said.items() if name != "amount"},
        "no event": {**said, "event_id": ""},
        "event as number": {**said, "event_id": 7},
        "unknown status": {**said, "status": "settled"},
        "reference as list": {**said, "reference": [said["reference"]]},
        "currency missing": {**said, "currency": None},
        "a list": [said],
        "a word": "paid",
        "nothing": None,
    }
    altered = {f"{name} altered": orjson.dumps({**said, name: "x"}) for name in said}
    return {
        **{f"signature: {name}": (body, signature) for name, signature in signatures.items()},
        **{
            f"signed: {name}": (raw, seal(secret, raw))
            for name, wrong in changed.items()
            for raw in [orjson.dumps(wrong)]
        },
        **{f"unsigned: {name}": (raw, good) for name, raw in altered.items()},
        "signed: no JSON": (b"{", seal(secret, b"{")),
        "signed: too long": (long := orjson.dumps({**said, "x": "x" * 70_000}), seal(secret, long)),
    }


def refused() -> float:
    """How many notices this process has refused, as the metrics tell it."""
    labels = {"provider": "sandbox", "outcome": "refused"}
    return REGISTRY.get_sample_value("shop_payments_total", labels) or 0.0


async def test_s43_no_mutant_changes_anything_and_each_is_counted_but_the_log_is_not_flooded(
    server: TestServer, client: Visitor, market: Market, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert server.app is not None
    now = [0.0]
    monkeypatch.setattr(server.app[FORGERIES], "_clock", lambda: now[0])
    order = await unpaid_order(market)
    payment = await begun(market, order.order_id)
    said = {
        "merchant": MERCHANT,
        "event_id": "e-1",
        "reference": payment.reference,
        "status": "paid",
        "trade_no": "T-1",
        "amount": TOTAL,
        "currency": "CNY",
    }
    secret = secret_of(settings.secret_keys)
    found = mutants(secret, said)
    assert len(found) >= 40
    before, counted = await market.counts(), refused()
    with capture_logs() as logs:
        for name, (body, signature) in found.items():
            headers = {HEADER: signature} if signature is not None else {}
            answer = await client.post(PATH, data=body, headers=headers)
            assert (answer.status, await answer.text()) == (400, "fail"), name
        now[0] = 60.0
        assert (await client.post(PATH, data=b"")).status == 400
    alarms = [line for line in logs if line["event"] == "payment notice refused"]
    assert [(line["log_level"], line["times"]) for line in alarms] == [("error", 1), ("error", len(found))]
    assert refused() - counted == len(found) + 1
    assert await market.counts() == before
    async with market.db.read() as conn:
        assert await conn.fetch_value("SELECT count(*) FROM payment_notices") == 0
    assert await state(market, order.order_id) == ("due", "placed", ["open"])
    body = orjson.dumps(said)
    for _ in range(2):
        answer = await client.post(PATH, data=body, headers={HEADER: seal(secret, body)})
        assert (answer.status, await answer.text()) == (200, "success")
    assert await state(market, order.order_id) == ("paid", "placed", ["captured"])


async def test_s45_a_signed_wrong_amount_is_taken_and_is_an_alarm(
    client: Visitor, market: Market, settings: Settings
) -> None:
    order = await unpaid_order(market)
    payment = await begun(market, order.order_id)
    said = {"merchant": MERCHANT, "event_id": "e-1", "reference": payment.reference, "status": "paid"}
    body = orjson.dumps({**said, "trade_no": "T-1", "amount": TOTAL - 1, "currency": "CNY"})
    with capture_logs() as logs:
        answer = await client.post(PATH, data=body, headers={HEADER: seal(secret_of(settings.secret_keys), body)})
    assert answer.status == 200
    assert [line["log_level"] for line in logs if line["event"] == "payment does not match"] == ["error"]
    assert await state(market, order.order_id) == ("due", "placed", ["mismatch"])


def test_s43_an_empty_secret_stops_the_start_and_verifies_nothing() -> None:
    with pytest.raises(SettingsError, match="SHOP_SECRET_KEYS is missing"):
        Sandbox("http://127.0.0.1:1", b"", Client())
    assert secret_of(()) == b""
    with pytest.raises(BadSeal):
        check(b"", b"{}", seal(b"", b"{}"))
