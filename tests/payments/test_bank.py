"""The sandbox bank as a process of its own: it remembers across `kill -9`, and speaks only to the shop that shares its secret."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from shop.payments.bank.ledger import Ledger
from shop.payments.providers.sandbox import MERCHANT
from shop.payments.providers.seals import HEADER, seal, secret_of
from shop.settings import HOME
from tests.start.launcher import free_port

KEY = b"k" * 32


@asynccontextmanager
async def running(state: Path, port: int) -> AsyncIterator[str]:
    """`run.py bank`, killed in the end."""
    url = f"http://127.0.0.1:{port}"
    environ = {"SHOP_STATE": str(state), "SHOP_SECRET_KEYS": b64encode(KEY).decode(), "SHOP_PAYMENT_SANDBOX_URL": url}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "run.py", "bank", cwd=HOME, env={**os.environ, **environ}
    )
    try:
        for _ in range(600):
            try:
                await asyncio.to_thread(asked, f"{url}/ledger")
                break
            except OSError:
                assert process.returncode is None
                await asyncio.sleep(0.1)
        yield url
    finally:
        process.kill()
        await process.wait()


def asked(url: str, body: bytes | None = None, signature: str = "") -> Any:
    request = urllib.request.Request(url, body, {HEADER: signature} if body else {})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


async def test_the_bank_answers_the_shop_that_shares_its_secret_and_nobody_else(tmp_path: Path) -> None:
    body = json.dumps({"merchant": MERCHANT, "reference": "A_1"}).encode()
    signature = seal(secret_of((KEY,)), body)
    async with running(tmp_path, free_port()) as url:
        assert await asyncio.to_thread(asked, f"{url}/api/query", body, signature) == {"trades": []}
        assert await asyncio.to_thread(asked, f"{url}/api/close", body, signature) == {"status": "closed"}
        with pytest.raises(urllib.error.HTTPError, match="403"):
            await asyncio.to_thread(asked, f"{url}/api/query", body, seal(b"x" * 32, body))
    ledger = await asyncio.to_thread(Ledger, tmp_path / "bank.jsonl")
    assert [bill.status for bill in ledger] == ["closed"]


async def test_the_bank_remembers_across_a_kill(tmp_path: Path) -> None:
    ledger = await asyncio.to_thread(Ledger, tmp_path / "bank.jsonl")
    bill = ledger.open("A_1", amount=500, currency="CNY")
    trade = bill.pay()
    await ledger.keep(bill)
    assert bill.refund(trade.trade_no, 200, "k") == "refunded"
    await ledger.keep(bill)
    again = await asyncio.to_thread(Ledger, tmp_path / "bank.jsonl")
    assert again.trades() == [{"reference": "A_1", "trade_no": trade.trade_no, "amount": 500, "refunded": 200}]
    kept = again.get("A_1")
    assert kept is not None
    assert kept.refund(trade.trade_no, 200, "k") == "refunded"
    assert kept.refund(trade.trade_no, 301, "other") == "more than was paid"
    assert again.trades() == ledger.trades()
