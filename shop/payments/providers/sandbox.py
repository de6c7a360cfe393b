"""The bank of development and tests: a process of its own on another origin (shop/payments/bank/), spoken to as to a real one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Self
from urllib.parse import urlencode

import orjson

from shop.i18n import N_
from shop.payments.models import Notice, Payment, Refund, Report, Status
from shop.payments.providers.base import Forged, ProviderAway, RefundRefused, Visit
from shop.payments.providers.client import Client
from shop.payments.providers.seals import HEADER, BadSeal, check, seal, secret_of
from shop.settings import Settings, SettingsError

MERCHANT: Final = "bayberry-sandbox"
FIELDS: Final[Mapping[str, type]] = {
    "merchant": str,
    "event_id": str,
    "reference": str,
    "status": str,
    "trade_no": str,
    "amount": int,
    "currency": str,
}
Answer = dict[str, Any]


class Sandbox:
    """The sandbox bank as the shop sees it."""

    name = "sandbox"
    label = N_("Test bank")
    receipt = "success"

    def __init__(self, url: str, secret: bytes, client: Client) -> None:
        if not secret:
            raise SettingsError("SHOP_SECRET_KEYS is missing; without a key the test bank's notices could be forged.")
        self.origins: Sequence[str] = (url,)
        self._url, self._secret, self._client = url, secret, client

    @classmethod
    def of(cls, settings: Settings, client: Client) -> Self:
        """The one of this place; raises SettingsError outside development."""
        if not settings.development:
            raise SettingsError(
                "SHOP_PAYMENT_METHODS names the sandbox, where nobody pays; it exists only in development."
            )
        return cls(settings.payment_sandbox_url, secret_of(settings.secret_keys), client)

    async def start(self, payment: Payment, visit: Visit) -> str | None:
        """The bank's page for this payment; the bank takes no address that we have not signed."""
        wish = {
            "merchant": MERCHANT,
            "reference": payment.reference,
            "amount": payment.amount,
            "currency": payment.currency,
            "subject": visit.subject,
            "return_url": visit.return_url,
            "notify_url": visit.notify_url,
            "lang": visit.lang,
            "expires_at": int(payment.expires_at.timestamp()),
        }
        body = orjson.dumps(wish)
        return f"{self._url}/pay?{urlencode({'wish': body.decode(), 'seal': seal(self._secret, body)})}"

    async def query(self, payment: Payment) -> Sequence[Report]:
        """Every trade of this reference; a bill that was paid twice has two."""
        answer = await self._ask("query", reference=payment.reference)
        return [self._report(payment, trade) for trade in answer["trades"]]

    async def close(self, payment: Payment) -> Report:
        """Ends the payment at the bank, also one it has never heard of."""
        return self._report(payment, await self._ask("close", reference=payment.reference))

    async def refund(self, payment: Payment, refund: Refund) -> None:
        """Gives so much of a trade back."""
        assert payment.trade_no is not None, "only money that came goes back"
        wish = {"reference": payment.reference.partition("/")[0], "trade_no": payment.trade_no}
        answer = await self._ask("refund", **wish, amount=refund.amount, key=refund.request_no)
        if answer["status"] != "refunded":
            raise RefundRefused(str(answer.get("reason", answer["status"])))

    def read_notice(self, headers: Mapping[str, str], body: bytes) -> Notice:
        """Checks the seal over the bytes as they came, before anything is read from them."""
        try:
            check(self._secret, body, headers.get(HEADER, ""))
            said = orjson.loads(body)
        except (BadSeal, orjson.JSONDecodeError) as problem:
            raise Forged(str(problem) if isinstance(problem, BadSeal) else "no JSON") from None
        if not isinstance(said, dict) or any(type(said.get(name)) is not kind for name, kind in FIELDS.items()):
            raise Forged("fields are missing")
        if said.pop("merchant") != MERCHANT:
            raise Forged("another merchant")
        if said["status"] not in set(Status) or not said["event_id"]:
            raise Forged("no such status")
        facts = {name: said[name] for name in FIELDS if name not in {"merchant", "status"}}
        return Notice(provider=self.name, status=Status(said["status"]), **facts)

    async def _ask(self, verb: str, **wish: Any) -> Answer:
        body = orjson.dumps({"merchant": MERCHANT, **wish})
        headers = {HEADER: seal(self._secret, body), "Content-Type": "application/json"}
        said = await self._client.post(f"{self._url}/api/{verb}", body, headers)
        try:
            answer: Answer = orjson.loads(said)
        except orjson.JSONDecodeError:
            raise ProviderAway("no JSON") from None
        return answer

    def _report(self, payment: Payment, trade: Answer) -> Report:
        return Report(
            provider=self.name,
            reference=payment.reference,
            status=Status(trade["status"]),
            trade_no=trade.get("trade_no", ""),
            amount=trade.get("amount", 0),
            currency=trade.get("currency", ""),
        )
