"""A buyer's process that kills itself at one point of placing an order: `python -m tests.orders.dying_buyer POINT URL SKU WINDOW ZONE`."""

from __future__ import annotations

import asyncio
import sys
from functools import partial
from uuid import NAMESPACE_URL, uuid5

from shop.db import Database
from shop.db.group_commit import GroupCommit
from shop.orders.placing import service
from shop.orders.placing.models import Answer, Purchase
from tests.faults.kills import die_at
from tests.orders.market import TERMS, Market


def wish(market: Market, point: str, sku: int) -> Purchase:
    """The same purchase in whatever process: a second click sends what the first has sent."""
    checkout_id = uuid5(NAMESPACE_URL, point)
    return market.wish((sku, 1), total=2000, checkout_id=checkout_id, email=f"{checkout_id.hex}@example.com")


async def main(point: str, url: str, sku: int, window: int, zone: int) -> None:
    """Buys, and does not come to the end."""
    market = Market(await Database.open(url=url))
    market.window_id, market.zone_id = window, zone
    die_at(point)
    till: GroupCommit[Purchase, Answer] = GroupCommit(market.db, partial(service.place_orders, terms=TERMS))
    await till.submit(wish(market, point, sku))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:6])))
