"""F-W1: a process that dies in the middle of placing an order leaves it whole or not at all, and a second click ends it well."""

import asyncio
import signal
import sys

from shop.orders.placing.models import Placed
from shop.settings import HOME, Settings
from tests.faults.kills import POINTS
from tests.orders.dying_buyer import wish
from tests.orders.market import Market


async def _dies(market: Market, settings: Settings, point: str, sku: int) -> int:
    arguments = (point, settings.database_url, str(sku), str(market.window_id), str(market.zone_id))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.orders.dying_buyer", *arguments, cwd=HOME
    )
    return await process.wait()


async def test_f_w1_killed_at_six_points_of_checkout(market: Market, settings: Settings) -> None:
    skus = {point: await market.sku(1) for point in POINTS}
    # one after another: side by side they would wait for each other's delivery window, and one might give up before it dies
    codes = {point: await _dies(market, settings, point, sku) for point, sku in skus.items()}
    assert codes == dict.fromkeys(POINTS, -signal.SIGKILL)
    async with market.db.read() as conn:
        there = {row.checkout_id for row in await conn.fetch_all("SELECT checkout_id FROM orders")}
    assert there == {wish(market, "committed", 0).checkout_id}
    assert await market.is_sound()
    for point, sku in skus.items():
        again = await market.buy_one(wish(market, point, sku))
        assert isinstance(again, Placed), point
        assert again.is_repeat == (point == "committed")
        assert await market.stock(sku) == 0
    assert (await market.counts())["orders"] == len(POINTS)
    assert await market.is_sound()
