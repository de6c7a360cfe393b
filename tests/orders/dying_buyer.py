"""A buyer's process that kills itself at one point of placing an order: `python -m tests.orders.dying_buyer POINT URL SKU WINDOW ZONE`."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from functools import partial, wraps
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from shop.db import Database
from shop.db.engine import Connection
from shop.db.group_commit import GroupCommit
from shop.orders.placing import counter, ledger, service
from shop.orders.placing.models import Answer, Purchase
from tests.orders.market import TERMS, Market

# Where the process dies: the module, the name in it, and whether before or after it has run.
POINTS: dict[str, tuple[Any, str, bool]] = {
    "baskets locked": (service, "lock_carts", False),
    "goods locked": (counter, "lock_goods", False),
    "orders written": (ledger, "take_windows", True),
    "goods taken": (ledger, "take", False),
    "mails promised": (ledger.outbox, "promise_all", False),
    "committed": (Connection, "_commit", False),
}


def wish(market: Market, point: str, sku: int) -> Purchase:
    """The same purchase in whatever process: a second click sends what the first has sent."""
    checkout_id = uuid5(NAMESPACE_URL, point)
    return market.wish((sku, 1), total=2000, checkout_id=checkout_id, email=f"{checkout_id.hex}@example.com")


def die_at(point: str) -> None:
    """Plants the kill."""
    place, name, is_before = POINTS[point]
    original: Callable[..., Awaitable[Any]] = getattr(place, name)

    @wraps(original)
    async def deadly(*given: Any, **named: Any) -> Any:
        if not is_before:
            await original(*given, **named)
        os.kill(os.getpid(), signal.SIGKILL)
        return None

    setattr(place, name, deadly)


async def main(point: str, url: str, sku: int, window: int, zone: int) -> None:
    """Buys, and does not come to the end."""
    market = Market(await Database.open(url=url))
    market.window_id, market.zone_id = window, zone
    die_at(point)
    till: GroupCommit[Purchase, Answer] = GroupCommit(market.db, partial(service.place_orders, terms=TERMS))
    await till.submit(wish(market, point, sku))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:6])))
