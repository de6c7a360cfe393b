"""Hundreds of buyers at the same till: they share transactions, and each still gets an exact answer."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from functools import partial

import pytest

from shop.coupons.models import DiscountKind
from shop.coupons.service import create_coupon
from shop.db import Connection
from shop.db.group_commit import GroupCommit
from shop.orders.placing.models import Answer, Placed, Purchase, Reason, Refused
from shop.orders.placing.service import place_orders
from tests.orders.market import TERMS, Market

Till = GroupCommit[Purchase, Answer]


@pytest.fixture
async def till(market: Market) -> AsyncIterator[Till]:
    till: Till = GroupCommit(market.db, partial(place_orders, terms=TERMS))
    yield till
    await till.close()


async def crowd(till: Till, purchases: Sequence[Purchase]) -> list[Answer]:
    return await asyncio.gather(*(till.submit(purchase) for purchase in purchases))


def reasons(answers: Sequence[Answer]) -> Counter[str]:
    return Counter("placed" if isinstance(answer, Placed) else answer.reason for answer in answers)


async def test_f_n4_a_thousand_buyers_want_a_hundred_units(market: Market, till: Till) -> None:
    first, second = await market.sku(100), await market.sku(100)
    ways = [((first, 1), (second, 1)), ((second, 1), (first, 1))]
    answers = await crowd(till, [market.wish(*ways[n % 2], total=3000) for n in range(1000)])
    assert reasons(answers) == {"placed": 100, Reason.OUT_OF_STOCK: 900}
    # Who came first was served.
    assert all(isinstance(answer, Placed) for answer in answers[:100])
    assert (await market.stock(first), await market.stock(second)) == (0, 0)
    assert await market.is_sound()


async def test_s37_s39_twins_coupons_and_the_last_window_in_one_crowd(market: Market, till: Till) -> None:
    sku, window = await market.sku(1000), await market.window(room=5)
    async with market.db.transaction() as conn:
        await create_coupon(conn, DiscountKind.FIXED, 500, code="TEN", limit=10)
    clicks = market.wish((sku, 1), total=2000)
    coupons = [market.wish((sku, 1), total=1500, coupon_code="TEN") for _ in range(60)]
    late = [market.wish((sku, 1), total=2000, window_id=window) for _ in range(60)]
    forged = replace(clicks, fingerprint=b"forged")
    answers = await crowd(till, [*coupons, *[clicks] * 60, *late, forged])
    assert reasons(answers[:60]) == {"placed": 10, Reason.COUPON: 50}
    assert len({answer.number for answer in answers[60:120] if isinstance(answer, Placed)}) == 1
    assert reasons(answers[120:180]) == {"placed": 5, Reason.WINDOW_FULL: 55}
    assert answers[180] == Refused(Reason.CHECKOUT_REUSED)
    assert await market.stock(sku) == 1000 - 10 - 1 - 5
    assert await market.is_sound()


async def test_two_tills_like_two_processes_never_oversell_together(market: Market, till: Till) -> None:
    other: Till = GroupCommit(market.db, partial(place_orders, terms=TERMS))
    first, second = await market.sku(50), await market.sku(70)
    wishes = [market.wish((first, 1), (second, 1), total=3000) for _ in range(200)]
    twins = wishes[:20]
    answers, others = await asyncio.gather(crowd(till, wishes), crowd(other, [*twins, *wishes[100:]]))
    await other.close()
    assert [answer.number for answer in answers[:20] if isinstance(answer, Placed)] == [
        answer.number for answer in others[:20] if isinstance(answer, Placed)
    ]
    assert await market.stock(first) == 0
    assert (await market.counts())["orders"] == 50
    assert await market.is_sound()


async def test_one_that_breaks_the_database_fails_alone(market: Market, till: Till) -> None:
    sku = await market.sku(10)

    async def breaks(conn: Connection, purchases: Sequence[Purchase]) -> list[Answer]:
        answers = await place_orders(conn, purchases, TERMS)
        if any(purchase.note == "bad" for purchase in purchases):
            await conn.execute("UPDATE skus SET stock = -1")
        return answers

    fragile: Till = GroupCommit(market.db, breaks)
    good = [market.wish((sku, 1), total=2000) for _ in range(3)]
    bad = market.wish((sku, 1), total=2000, note="bad")
    answers = await asyncio.gather(*(fragile.submit(one) for one in [good[0], bad, *good[1:]]), return_exceptions=True)
    await fragile.close()
    assert [isinstance(answer, Placed) for answer in answers] == [True, False, True, True]
    assert await market.stock(sku) == 7
    assert await market.is_sound()
