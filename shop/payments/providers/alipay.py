"""Alipay: page pay on desktops, wap pay on phones, notices, query, refund and close (opendocs.alipay.com, gateway version 1.0)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Self
from urllib.parse import parse_qsl, urlencode, urlsplit
from zoneinfo import ZoneInfo

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from shop.i18n import N_
from shop.money import decimal_string
from shop.payments.models import Notice, Payment, Refund, Report, Status
from shop.payments.providers import rsa2
from shop.payments.providers.base import Forged, ProviderAway, RefundRefused, Visit
from shop.payments.providers.client import Client
from shop.settings import Settings, SettingsError

CURRENCY: Final = "CNY"
BEIJING: Final = ZoneInfo("Asia/Shanghai")  # Alipay's clock, wherever the shop is
TIME: Final = "%Y-%m-%d %H:%M:%S"
AMOUNT: Final = re.compile(r"([0-9]{1,9})(?:\.([0-9]{1,2}))?", re.ASCII)
SUCCESS: Final = "10000"
NO_TRADE: Final = "ACQ.TRADE_NOT_EXIST"
PAID_ALREADY: Final = "ACQ.TRADE_STATUS_ERROR"
# What Alipay says when it does not know itself; everything else is an answer.
TRY_AGAIN: Final = frozenset({"ACQ.SYSTEM_ERROR", "aop.ACQ.SYSTEM_ERROR", "isp.unknow-error"})
STATUSES: Final[Mapping[str, Status]] = {
    "WAIT_BUYER_PAY": Status.PENDING,
    "TRADE_SUCCESS": Status.PAID,
    "TRADE_FINISHED": Status.PAID,
    "TRADE_CLOSED": Status.CLOSED,
}
Answer = dict[str, Any]


class Alipay:
    """One merchant's app at Alipay."""

    name = "alipay"
    label = N_("Alipay")
    receipt = "success"

    def __init__(
        self, gateway: str, app_id: str, seller_id: str, ours: RSAPrivateKey, theirs: RSAPublicKey, client: Client
    ) -> None:
        self.origins: Sequence[str] = _origins(gateway)
        self._gateway, self._app_id, self._seller_id = gateway, app_id, seller_id
        self._ours, self._theirs, self._client = ours, theirs, client

    @classmethod
    def of(cls, settings: Settings, client: Client) -> Self:
        """The one of the settings; raises SettingsError naming what is missing."""
        for name in ("app_id", "seller_id"):
            if not getattr(settings, f"payment_alipay_{name}"):
                raise SettingsError(
                    f"SHOP_PAYMENT_ALIPAY_{name.upper()} is missing; Alipay cannot be switched on without it."
                )
        if settings.currency != CURRENCY:
            raise SettingsError(
                f"SHOP_PAYMENT_METHODS names alipay, which takes {CURRENCY} and not {settings.currency}."
            )
        return cls(
            settings.payment_alipay_gateway,
            settings.payment_alipay_app_id,
            settings.payment_alipay_seller_id,
            rsa2.private_key(settings.payment_alipay_private_key, "SHOP_PAYMENT_ALIPAY_PRIVATE_KEY"),
            rsa2.public_key(settings.payment_alipay_public_key, "SHOP_PAYMENT_ALIPAY_PUBLIC_KEY"),
            client,
        )

    async def start(self, payment: Payment, visit: Visit) -> str | None:
        """Alipay's page, or on a phone the one that opens its app; what the buyer carries there is signed."""
        wish = {
            "out_trade_no": payment.reference,
            "total_amount": decimal_string(payment.amount, CURRENCY),
            "subject": visit.subject,
            "product_code": "QUICK_WAP_WAY" if visit.is_phone else "FAST_INSTANT_TRADE_PAY",
            "time_expire": payment.expires_at.astimezone(BEIJING).strftime(TIME),
            **({"quit_url": visit.return_url} if visit.is_phone else {}),
        }
        method = "alipay.trade.wap.pay" if visit.is_phone else "alipay.trade.page.pay"
        urls = {"return_url": visit.return_url, "notify_url": visit.notify_url}
        return f"{self._gateway}?{urlencode(self._signed(method, wish, **urls))}"

    async def query(self, payment: Payment) -> Sequence[Report]:
        """The trade as Alipay has it; there is none until the buyer has signed in there."""
        answer = await self._ask("alipay.trade.query", {"out_trade_no": payment.reference})
        if answer.get("sub_code") == NO_TRADE:
            return []
        self._is_about(payment, answer)
        if (status := STATUSES.get(str(answer.get("trade_status")))) is None:
            raise ProviderAway(f"trade status {answer.get('trade_status')!r}")
        return [self._report(payment, status, answer)]

    async def close(self, payment: Payment) -> Report:
        """Closes the trade; one that was paid at this very moment is reported as such."""
        answer = await self._ask("alipay.trade.close", {"out_trade_no": payment.reference})
        if answer.get("sub_code") == PAID_ALREADY:
            if reports := await self.query(payment):
                return reports[0]
        elif answer.get("sub_code") != NO_TRADE:
            self._is_about(payment, answer)
        return Report(provider=self.name, reference=payment.reference, status=Status.CLOSED)

    async def refund(self, payment: Payment, refund: Refund) -> None:
        """Gives so much back; the same `out_request_no` is one refund, however often it is sent."""
        wish = {
            "out_trade_no": payment.reference,
            "refund_amount": decimal_string(refund.amount, CURRENCY),
            "out_request_no": refund.request_no,
            **({"refund_reason": refund.reason[:256]} if refund.reason else {}),
        }
        answer = await self._ask("alipay.trade.refund", wish)
        if answer.get("code") != SUCCESS:
            raise RefundRefused(f"{answer.get('sub_code')}: {answer.get('sub_msg', '')}"[:200])
        self._is_about(payment, answer)

    def read_notice(self, headers: Mapping[str, str], body: bytes) -> Notice:
        """Checks the signature over every parameter as it came, then that the notice is for this merchant's app."""
        said = _parameters(body)
        if said.get("sign_type") != "RSA2":
            raise Forged("not RSA2")
        try:
            text = rsa2.text_of(said, without=frozenset({"sign", "sign_type"}))
            rsa2.verify(self._theirs, text, said.get("sign", ""))
        except rsa2.BadSignature:
            raise Forged("wrong signature") from None
        if (said.get("app_id"), said.get("seller_id")) != (self._app_id, self._seller_id):
            raise Forged("another merchant")
        status, amount = STATUSES.get(said.get("trade_status", "")), minor_units(said.get("total_amount", ""))
        if status is None or amount is None or not said.get("notify_id") or not said.get("out_trade_no"):
            raise Forged("facts are missing")
        return Notice(
            provider=self.name,
            event_id=said["notify_id"],
            reference=said["out_trade_no"],
            status=status,
            trade_no=said.get("trade_no", ""),
            amount=amount,
            currency=said.get("trans_currency", CURRENCY),
        )

    async def _ask(self, method: str, wish: Mapping[str, str]) -> Answer:
        body = urlencode(self._signed(method, wish)).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded;charset=utf-8"}
        said = await self._client.post(f"{self._gateway}?charset=utf-8", body, headers)
        answer = self._verified(said, f"{method.replace('.', '_')}_response")
        is_unsure = answer.get("code") == "20000" or answer.get("sub_code") in TRY_AGAIN
        is_told = answer.get("code") == SUCCESS or str(answer.get("sub_code", "")).startswith("ACQ.")
        if is_unsure or not is_told:
            raise ProviderAway(f"{answer.get('code')} {answer.get('sub_code')}")
        return answer

    def _signed(self, method: str, wish: Mapping[str, str], **more: str) -> dict[str, str]:
        params = {
            "app_id": self._app_id,
            "method": method,
            "format": "JSON",
            "charset": "utf-8",
            "sign_type": "RSA2",
            "timestamp": datetime.now(UTC).astimezone(BEIJING).strftime(TIME),
            "version": "1.0",
            "biz_content": json.dumps(wish, ensure_ascii=False, separators=(",", ":")),
            **more,
        }
        return {**params, "sign": rsa2.sign(self._ours, rsa2.text_of(params, without=frozenset()))}

    def _verified(self, said: bytes, name: str) -> Answer:
        """The answer, read from exactly the characters that Alipay has signed."""
        try:
            text = said.decode()
            start = text.index(f'"{name}":') + len(name) + 3
            start += len(text[start:]) - len(text[start:].lstrip())
            answer, end = json.JSONDecoder().raw_decode(text, start)
            rsa2.verify(self._theirs, text[start:end], json.loads(text)["sign"])
        except (ValueError, KeyError, TypeError, rsa2.BadSignature) as problem:
            raise ProviderAway(f"an answer without a valid signature ({type(problem).__name__})") from None
        if not isinstance(answer, dict):
            raise ProviderAway("an answer that says nothing")
        return answer

    def _is_about(self, payment: Payment, answer: Answer) -> None:
        """security: an older answer about another trade is signed as well."""
        if answer.get("out_trade_no") != payment.reference:
            raise ProviderAway("an answer about another trade")

    def _report(self, payment: Payment, status: Status, answer: Answer) -> Report:
        amount = minor_units(str(answer.get("total_amount", "")))
        return Report(
            provider=self.name,
            reference=payment.reference,
            status=status,
            trade_no=str(answer.get("trade_no", "")),
            amount=-1 if amount is None else amount,
            currency=str(answer.get("trans_currency", CURRENCY)),
        )


def minor_units(text: str) -> int | None:
    """ "35.5" is 3550; None for what is no amount."""
    found = AMOUNT.fullmatch(text)
    return int(found[1]) * 100 + int((found[2] or "").ljust(2, "0")) if found else None


def _parameters(body: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, strict_parsing=True, errors="strict")
    except ValueError:
        raise Forged("no form") from None
    said = dict(pairs)
    if len(said) != len(pairs):
        raise Forged("a parameter twice")
    return said


def _origins(gateway: str) -> tuple[str, ...]:
    """surprise: browsers hold `form-action` against every redirect, and Alipay's gateway sends people on to its other hosts."""
    parts = urlsplit(gateway)
    own = f"{parts.scheme}://{parts.netloc}"
    for domain in ("alipay.com", "alipaydev.com"):
        if (parts.hostname or "").endswith(f".{domain}"):
            return (own, f"https://*.{domain}")
    return (own,)
