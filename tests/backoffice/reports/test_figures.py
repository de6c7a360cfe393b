"""What was sold, what runs out and what was searched in vain, against orders that were really placed."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from shop.backoffice.reports.charts import HEIGHT, LEFT, WIDTH, bar_chart, ceiling
from shop.backoffice.reports.queries import best_sellers, running_out, sales_by_day, searched_in_vain
from shop.db import Database
from shop.orders.placing.models import Placed
from shop.search.service import record_miss
from tests.orders.market import Market

SHANGHAI = ZoneInfo("Asia/Shanghai")
DAY = date(2026, 11, 20)


@pytest.fixture
async def market(db: Database) -> Market:
    return await Market.open(db)


async def sold(market: Market, sku: int, quantity: int, placed_at: datetime, **changes: object) -> int:
    """An order as if it had been placed then."""
    placed = await market.buy_one(market.wish((sku, quantity), total=1000 * quantity + 1000))
    assert isinstance(placed, Placed)
    values = {"placed_at": placed_at, "fulfilment": "placed", "refunded": 0, **changes}
    async with market.db.transaction() as conn:
        return int(
            await conn.fetch_value(
                "UPDATE orders SET placed_at = %(placed_at)s, fulfilment = %(fulfilment)s, refunded = %(refunded)s"
                " WHERE number = %(number)s RETURNING id",
                {"number": placed.number, **values},
            )
        )


async def test_a_day_begins_at_midnight_of_the_shop(market: Market) -> None:
    apple = await market.sku(100)
    await sold(market, apple, 1, datetime(2026, 11, 19, 15, 59, tzinfo=UTC))  # 23:59 the day before
    await sold(market, apple, 2, datetime(2026, 11, 19, 16, 0, tzinfo=UTC), refunded=500)
    await sold(market, apple, 3, datetime(2026, 11, 20, 15, 59, tzinfo=UTC))
    await sold(market, apple, 4, datetime(2026, 11, 20, 4, 0, tzinfo=UTC), fulfilment="cancelled")
    async with market.db.read() as conn:
        days = await sales_by_day(conn, DAY - timedelta(1), DAY + timedelta(1), SHANGHAI)
    assert [(day.day.day, day.orders, day.revenue, day.refunded) for day in days] == [
        (19, 1, 2000, 0),
        (20, 2, 3000 + 4000, 500),
        (21, 0, 0, 0),
    ]


async def test_the_best_sellers_are_ranked_by_what_they_brought(market: Market) -> None:
    many, few, none = [await market.sku(50) for _ in range(3)]
    noon = datetime(2026, 11, 20, 4, tzinfo=UTC)
    for sku, quantity in ((many, 3), (many, 2), (few, 4)):
        await sold(market, sku, quantity, noon)
    await sold(market, none, 9, noon, fulfilment="returned")
    await sold(market, few, 9, noon - timedelta(days=1))
    async with market.db.read() as conn:
        sellers = await best_sellers(conn, DAY, DAY, SHANGHAI, "zh")
    assert [(seller.sku_id, seller.name, seller.units, seller.revenue) for seller in sellers] == [
        (many, "苹果", 5, 5000),
        (few, "苹果", 4, 4000),
    ]


async def test_what_runs_out_is_named_by_urgency(market: Market) -> None:
    gone, soon, enough, unsold = [await market.sku(stock) for stock in (4, 30, 90, 1)]
    for sku, quantity in ((gone, 4), (soon, 25), (enough, 25)):
        await sold(market, sku, quantity, datetime.now(UTC))
    async with market.db.read() as conn:
        short = await running_out(conn, "en")
    assert [(one.sku_id, one.stock, one.sold, one.days_left) for one in short] == [(gone, 0, 4, 0), (soon, 5, 25, 5)]
    assert unsold not in {one.sku_id for one in short}


async def test_searches_in_vain_are_counted(db: Database) -> None:
    async with db.transaction() as conn:
        for words in ("durian", "durian", "榴莲"):
            await record_miss(conn, words, "en")
        found = await searched_in_vain(conn)
    assert [(miss.words, miss.times) for miss in found] == [("durian", 2), ("榴莲", 1)]


@pytest.mark.parametrize(("value", "top"), [(0, 4), (4, 4), (5, 8), (13, 20), (21, 40), (81, 120), (99_999, 120_000)])
def test_the_scale_of_a_chart_is_round(value: int, top: int) -> None:
    assert ceiling(value) == top


def test_bars_stand_on_the_floor_inside_the_drawing() -> None:
    chart = bar_chart([(str(day), day * 100) for day in range(31)])
    assert all(bar.x >= LEFT and bar.x + bar.width <= WIDTH for bar in chart.bars)
    assert all(bar.y + bar.height == pytest.approx(chart.floor) and bar.y >= 0 for bar in chart.bars)
    assert [line.value for line in chart.grid] == [0, 1000, 2000, 3000, 4000]
    assert sum(bool(bar.label) for bar in chart.bars) == 4
    assert chart.height == HEIGHT
    assert bar_chart([]).is_empty
