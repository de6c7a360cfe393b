"""The bank is away, loses its notices, brings them too late or in the wrong order, and tells all processes at once."""

from __future__ import annotations

import asyncio
import base64
import random
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
import orjson

from shop.payments.models import Status
from shop.payments.providers.sandbox import MERCHANT
from shop.payments.providers.seals import HEADER, seal, secret_of
from tests.faults.crowd import Crowd
from tests.faults.oracle import ledger_of
from tests.faults.program import Program
from tests.faults.scratch import Scratch
from tests.faults.shopper import Shopper

BUYERS: Final = 6
BUYER: Final = 970
TRIES: Final = 5
TIMES: Final = 25  # to each process
DELIVERIES: Final = 20
NOTICE: Final = "/payments/sandbox/notice"
# The beat promises this each half minute; here it comes at the worst time.
POLL_NOW: Final = """
UPDATE payments SET ask_at = now() WHERE state = 'open';
INSERT INTO outbox (task, args) VALUES ('tasks.payments.poll', '{}'), ('tasks.payments.poll', '{}')
"""


@dataclass(frozen=True, slots=True)
class Bill:
    """What somebody has to pay at the bank, and where they come back to."""

    buyer: Shopper
    order: str
    reference: str
    way_back: str


@asynccontextmanager
async def bank_away(shop: Scratch, crowd: Crowd, chance: random.Random) -> AsyncIterator[None]:
    """Killed; who wants to pay now pays later."""
    assert shop.bank is not None
    buyers = [crowd.shopper(BUYER + number, chance) for number in range(BUYERS)]
    shop.bank.signal(signal.SIGKILL)
    orders = await asyncio.gather(*map(crowd.buy, buyers))
    yield
    shop.bank.start()
    for buyer, order in zip(buyers, orders, strict=True):
        if order:
            await crowd.pay(buyer, order, "pay")
        await buyer.leave()


@asynccontextmanager
async def notices_lost(_shop: Scratch, crowd: Crowd, chance: random.Random) -> AsyncIterator[None]:
    """The bank has the money and tells nobody, and no buyer comes back to say so."""
    for bill in await bills(crowd, chance):
        await bill.buyer.choose(bill.order, bill.reference, "lose")
        await bill.buyer.leave()
    yield


@asynccontextmanager
async def told_everywhere(shop: Scratch, crowd: Crowd, chance: random.Random) -> AsyncIterator[None]:
    """The same notice many times to each web process at once, while the buyer comes back to both of them and the poller asks."""
    found = await bills(crowd, chance)
    for bill in found:
        await bill.buyer.choose(bill.order, bill.reference, "lose")
    words = await notices(shop, found)
    webs = shop.of("web")
    async with aiohttp.ClientSession(headers={"Host": shop.host}) as bank:
        work = [deliver(shop, bank, web, body) for body in words for web in webs for _ in range(TIMES)]
        work += [came_back(bill, web) for bill in found for web in webs]
        chance.shuffle(work)
        await asyncio.gather(asyncio.to_thread(shop.say, POLL_NOW), *work)
    for bill in found:
        await bill.buyer.leave()
    yield


@asynccontextmanager
async def too_late_or_reversed(shop: Scratch, crowd: Crowd, chance: random.Random) -> AsyncIterator[None]:
    """Half of them cancel with the bank's page open and pay there; of the others the shop hears that the bill was closed, then paid."""
    found = await bills(crowd, chance)
    late, reversed_ = found[::2], found[1::2]
    for bill in late:
        await bill.buyer.cancel(bill.order)
        await bill.buyer.choose(bill.order, bill.reference, "pay")
    for bill in reversed_:
        await bill.buyer.choose(bill.order, bill.reference, "lose")
    web = shop.of("web")[0]
    async with aiohttp.ClientSession(headers={"Host": shop.host}) as bank:
        for status in (Status.CLOSED, Status.PAID):
            for body in await notices(shop, reversed_, status):
                await deliver(shop, bank, web, body)
    for bill in found:
        await bill.buyer.leave()
    yield


async def bills(crowd: Crowd, chance: random.Random) -> list[Bill]:
    """Some guests at the bank's pages; a shop under load may send one away a few times."""
    found = []
    for number in range(BUYERS):
        buyer = crowd.shopper(BUYER + number, chance)
        for _ in range(TRIES):
            order = await crowd.order(buyer, "sandbox")
            if order and (there := await buyer.go_to_the_bank(order)):
                found.append(Bill(buyer, order, *there))
                break
    assert found, "nobody got to the bank"
    return found


async def notices(shop: Scratch, found: Sequence[Bill], status: Status = Status.PAID) -> list[bytes]:
    """What the bank would say of these bills, of which it has the money."""
    ledger = {row["reference"]: row for row in await ledger_of(shop) or []}
    return [words(ledger[bill.reference], status) for bill in found]


def words(row: Any, status: Status) -> bytes:
    """One notice, as the messenger of the bank words it."""
    is_paid = status is Status.PAID
    return orjson.dumps(
        {
            "merchant": MERCHANT,
            "event_id": f"{row['trade_no'] if is_paid else row['reference']}:{status}",
            "reference": row["reference"],
            "status": status,
            "trade_no": row["trade_no"] if is_paid else "",
            "amount": row["amount"],
            "currency": "CNY",
        }
    )


async def deliver(shop: Scratch, bank: aiohttp.ClientSession, web: Program, body: bytes) -> None:
    """To this process, until it is answered."""
    key = base64.b64decode(shop.environ["SHOP_SECRET_KEYS"].partition(",")[0])
    for _ in range(DELIVERIES):
        headers = {HEADER: seal(secret_of((key,)), body), "Content-Type": "application/json"}
        async with bank.post(f"http://127.0.0.1:{web.port}{NOTICE}", data=body, headers=headers) as answer:
            if answer.status == 200:
                return
        await asyncio.sleep(0.5)
    raise AssertionError("a notice was never taken")


async def came_back(bill: Bill, web: Program) -> None:
    """From the bank, by this process."""
    await bill.buyer.get(bill.way_back, web)
