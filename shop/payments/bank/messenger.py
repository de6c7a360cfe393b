"""How the sandbox bank tells the shop: signed notices, again until they are answered "success"."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any

import aiohttp
import orjson
import structlog

from shop.payments.bank.ledger import CLOSED, PAID, Bill, Trade
from shop.payments.providers.sandbox import MERCHANT
from shop.payments.providers.seals import HEADER, seal

log = structlog.get_logger("bank")


class Messenger:
    """Sends notices behind the page; `pauses` (seconds) stand between the tries of one notice."""

    def __init__(self, secret: bytes, pauses: Sequence[float] = (1, 2, 4, 8, 15, 30)) -> None:
        self._secret = secret
        self._pauses = pauses
        self._errands: set[asyncio.Task[None]] = set()
        self._session: aiohttp.ClientSession | None = None

    def tell(self, bill: Bill, trade: Trade | None, times: int = 1) -> None:
        """Sends one notice, or the same one many times at once."""
        body = self.words(bill, trade)
        for _ in range(times):
            self.later(0, self._deliver(bill.notify_url, body))

    def words(self, bill: Bill, trade: Trade | None) -> bytes:
        """What a notice says; repetitions say exactly the same."""
        paid = trade is not None
        facts = {
            "merchant": MERCHANT,
            "event_id": f"{trade.trade_no}:{PAID}" if trade else f"{bill.reference}:{CLOSED}",
            "reference": bill.reference,
            "status": PAID if paid else CLOSED,
            "trade_no": trade.trade_no if trade else "",
            "amount": trade.amount if trade else bill.amount,
            "currency": bill.currency,
        }
        return orjson.dumps(facts)

    def later(self, seconds: float, work: Coroutine[Any, Any, None]) -> None:
        """Does something after a while, unless the bank closes before."""

        async def errand() -> None:
            if seconds:
                await asyncio.sleep(seconds)
            await work

        task = asyncio.create_task(errand())
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)

    async def close(self) -> None:
        """Drops what is under way; a real bank's notices get lost as well."""
        for errand in list(self._errands):
            errand.cancel()
        await asyncio.gather(*self._errands, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    async def _deliver(self, url: str, body: bytes) -> None:
        for pause in (*self._pauses, None):
            if await self._is_taken(url, body) or pause is None:
                return
            await asyncio.sleep(pause)

    async def _is_taken(self, url: str, body: bytes) -> bool:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5))
        headers = {HEADER: seal(self._secret, body), "Content-Type": "application/json"}
        try:
            async with self._session.post(url, data=body, headers=headers, allow_redirects=False) as answer:
                return answer.status == 200 and (await answer.text()) == "success"
        except (aiohttp.ClientError, TimeoutError, OSError) as problem:
            log.warning("notice not delivered", error=f"{type(problem).__name__}: {problem}")
            return False
