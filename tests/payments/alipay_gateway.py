"""A stand-in for Alipay: it checks our signatures with our public key and signs its answers and notices with a key of its own."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode
from zoneinfo import ZoneInfo

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from shop.payments.providers.rsa2 import sign, text_of, verify

APP_ID, SELLER_ID = "2021000000000001", "2088000000000001"


class Gateway:
    """Trades by our reference; `mood` breaks the next answers."""

    def __init__(self) -> None:
        self.ours = rsa.generate_private_key(65537, 2048)
        self.theirs = rsa.generate_private_key(65537, 2048)
        self.trades: dict[str, dict[str, Any]] = {}
        self.refunds: dict[str, str] = {}
        self.asked: list[dict[str, str]] = []
        self.mood = ""

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/gateway.do", self.page)
        app.router.add_post("/gateway.do", self.answer)
        return app

    def write_keys(self, folder: Path) -> dict[str, Path]:
        """The two files a shop needs: its own private key and Alipay's public one."""
        private, public = folder / "app.pem", folder / "alipay.pem"
        private.write_bytes(self.ours.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        public.write_bytes(self.theirs.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
        return {"payment_alipay_private_key": private, "payment_alipay_public_key": public}

    async def page(self, request: web.Request) -> web.Response:
        """Where the buyer comes to: the trade exists from here on."""
        wish = self.checked(dict(request.query))
        self.trades.setdefault(
            wish["out_trade_no"],
            {
                "trade_status": "WAIT_BUYER_PAY",
                "trade_no": f"2026{wish['out_trade_no']}",
                "total_amount": wish["total_amount"],
            },
        )
        return web.Response(text="pay here")

    async def answer(self, request: web.Request) -> web.Response:
        """An answer to the shop, signed."""
        params = dict(parse_qsl((await request.read()).decode(), keep_blank_values=True))
        wish, verb = self.checked(params), params["method"].removeprefix("alipay.trade.")
        said = {"code": "10000", "msg": "Success", **getattr(self, verb)(wish)}
        if self.mood == "unsure":
            said = {"code": "20000", "msg": "Service Currently Unavailable", "sub_code": "isp.unknow-error"}
        if self.mood == "another":
            said["out_trade_no"] = "SOMEBODY_ELSE_1"
        text = json.dumps(said, ensure_ascii=False).replace("/", "\\/")
        signature = sign(self.ours if self.mood == "forged" else self.theirs, text)
        if self.mood == "altered":
            text = text.replace("WAIT_BUYER_PAY", "TRADE_SUCCESS")
        return web.Response(text=f'{{"{params["method"].replace(".", "_")}_response":{text},"sign":"{signature}"}}')

    def query(self, wish: dict[str, str]) -> dict[str, Any]:
        trade = self.trades.get(wish["out_trade_no"])
        return {"out_trade_no": wish["out_trade_no"], **trade} if trade else failed("ACQ.TRADE_NOT_EXIST")

    def close(self, wish: dict[str, str]) -> dict[str, Any]:
        trade = self.trades.get(wish["out_trade_no"])
        if trade is None:
            return failed("ACQ.TRADE_NOT_EXIST")
        if trade["trade_status"] != "WAIT_BUYER_PAY":
            return failed("ACQ.TRADE_STATUS_ERROR")
        trade["trade_status"] = "TRADE_CLOSED"
        return {"out_trade_no": wish["out_trade_no"], "trade_no": trade["trade_no"]}

    def refund(self, wish: dict[str, str]) -> dict[str, Any]:
        if self.trades[wish["out_trade_no"]]["trade_status"] != "TRADE_SUCCESS":
            return failed("ACQ.TRADE_STATUS_ERROR")
        is_new = wish["out_request_no"] not in self.refunds
        self.refunds[wish["out_request_no"]] = wish["refund_amount"]
        return {"out_trade_no": wish["out_trade_no"], "fund_change": "Y" if is_new else "N"}

    def pay(self, reference: str) -> dict[str, str]:
        """The buyer pays; what the notice says, signed."""
        self.trades[reference]["trade_status"] = "TRADE_SUCCESS"
        return self.notice(reference)

    def notice(self, reference: str, **changes: str) -> dict[str, str]:
        trade = self.trades[reference]
        said = {
            "app_id": APP_ID,
            "seller_id": SELLER_ID,
            "notify_id": f"n-{reference}-{trade['trade_status']}",
            "notify_type": "trade_status_sync",
            "out_trade_no": reference,
            "subject": "天天生鲜 & co",
            "charset": "utf-8",
            "sign_type": "RSA2",
            **trade,
            **changes,
        }
        return self.signed(said)

    def signed(self, said: dict[str, str]) -> dict[str, str]:
        text = text_of(said, without=frozenset({"sign", "sign_type"}))
        return {**said, "sign": sign(self.theirs, text)}

    def checked(self, params: dict[str, str]) -> dict[str, str]:
        """What is wished, if it is signed by the shop and made now, by Beijing's clock."""
        self.asked.append(params)
        verify(self.ours.public_key(), text_of(params, without=frozenset({"sign"})), params["sign"])
        assert (params["app_id"], params["sign_type"], params["version"]) == (APP_ID, "RSA2", "1.0")
        beijing = ZoneInfo("Asia/Shanghai")
        at = datetime.strptime(params["timestamp"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=beijing)
        assert abs((datetime.now(UTC) - at).total_seconds()) < 60
        wish: dict[str, str] = json.loads(params["biz_content"])
        return wish


def failed(sub_code: str) -> dict[str, str]:
    """Alipay's way to say no."""
    return {"code": "40004", "msg": "Business Failed", "sub_code": sub_code, "sub_msg": "no"}


def body_of(said: dict[str, str]) -> bytes:
    """A notice as it is posted."""
    return urlencode(said).encode()
