"""What happens to a basket."""

import pytest

from shop.cart import service
from shop.cart.models import BasketFull, NotEnough, NotSold
from shop.cart.queries import Basket, Owner, basket_of, count_of
from shop.db import CheckViolation, Database
from shop.delivery.queries import Place
from tests.orders.market import Market

GUEST = Owner(cookie_hash=b"g" * 32)
OTHER = Owner(cookie_hash=b"o" * 32)


@pytest.fixture
async def market(db: Database) -> Market:
    return await Market.open(db)


async def put(market: Market, owner: Owner, sku_id: int, quantity: int) -> None:
    async with market.db.transaction() as conn:
        await service.add(conn, owner, sku_id, quantity)


async def look(market: Market, owner: Owner) -> Basket:
    async with market.db.read() as conn:
        return await basket_of(conn, owner)


async def test_the_same_goods_twice_are_one_line(market: Market) -> None:
    sku = await market.sku(10, 1000)
    await put(market, GUEST, sku, 2)
    await put(market, GUEST, sku, 3)
    basket = await look(market, GUEST)
    assert [(line.sku_id, line.quantity, line.amount) for line in basket.lines] == [(sku, 5, 5000)]
    assert (basket.count, basket.version, basket.can_be_ordered) == (5, 1, True)


async def test_s34_more_than_can_be_sold_is_refused_and_nothing_changes(market: Market) -> None:
    sku = await market.sku(4)
    await put(market, GUEST, sku, 3)
    with pytest.raises(NotEnough) as refused:
        await put(market, GUEST, sku, 2)
    assert refused.value.available == 4
    basket = await look(market, GUEST)
    assert (basket.count, basket.version) == (3, 0)


async def test_s34_the_database_itself_refuses_wrong_quantities(market: Market) -> None:
    sku = await market.sku(1000)
    await put(market, GUEST, sku, 1)
    for quantity in (0, -1, 100):
        with pytest.raises(CheckViolation):
            async with market.db.transaction() as conn:
                await conn.execute("UPDATE cart_lines SET quantity = %(n)s", {"n": quantity})


async def test_s36_goods_that_are_not_on_sale_cannot_be_added(market: Market) -> None:
    sku = await market.sku(4)
    async with market.db.transaction() as conn:
        await conn.execute("UPDATE products SET status = 'offline'")
    for wanted in (sku, 9999):
        with pytest.raises(NotSold):
            await put(market, GUEST, wanted, 1)
    assert (await look(market, GUEST)).id is None


async def test_a_line_tells_what_changed_since(market: Market) -> None:
    sku = await market.sku(4, 1000)
    await put(market, GUEST, sku, 4)
    async with market.db.transaction() as conn:
        await conn.execute("UPDATE skus SET price = 1200, stock = 1")
    basket = await look(market, GUEST)
    assert [(line.has_new_price, line.price, line.price_seen, line.is_short) for line in basket.lines] == [
        (True, 1200, 1000, True)
    ]
    assert not basket.can_be_ordered


async def test_lines_are_set_removed_saved_and_put_back(market: Market) -> None:
    apple, pear = await market.sku(9), await market.sku(9)
    await put(market, GUEST, apple, 2)
    await put(market, GUEST, pear, 2)
    async with market.db.transaction() as conn:
        await service.set_quantity(conn, GUEST, apple, 5)
        await service.save_for_later(conn, GUEST, pear)
    basket = await look(market, GUEST)
    assert ([line.sku_id for line in basket.lines], [line.sku_id for line in basket.saved]) == ([apple], [pear])
    assert basket.count == 5
    async with market.db.transaction() as conn:
        await service.put_back(conn, GUEST, pear)
        await service.set_quantity(conn, GUEST, apple, 0)
    basket = await look(market, GUEST)
    assert [(line.sku_id, line.quantity) for line in basket.lines] == [(pear, 2)]
    async with market.db.transaction() as conn:
        await service.remove(conn, GUEST, pear)
    assert (await look(market, GUEST)).lines == ()


async def test_a_basket_holds_a_hundred_kinds(market: Market) -> None:
    for _ in range(100):
        await put(market, GUEST, await market.sku(1), 1)
    extra = await market.sku(1)
    with pytest.raises(BasketFull):
        await put(market, GUEST, extra, 1)


async def test_s35_the_guests_basket_is_merged_once(market: Market) -> None:
    apple, pear, fig = await market.sku(200), await market.sku(9), await market.sku(9)
    member = Owner(account_id=await market.account("mei"))
    await put(market, GUEST, apple, 90)
    await put(market, GUEST, pear, 2)
    await put(market, member, apple, 20)
    await put(market, member, fig, 1)
    async with market.db.transaction() as conn:
        await service.note_place(conn, GUEST, Place(city="Beijing"))
        assert await service.merge_on_sign_in(conn, member.account_id or 0, b"g" * 32)
    for _ in range(2):
        basket = await look(market, member)
        assert {line.sku_id: line.quantity for line in basket.lines} == {apple: 99, fig: 1, pear: 2}
        assert basket.place.city == "Beijing"
        assert (await look(market, GUEST)).id is None
        async with market.db.transaction() as conn:
            assert not await service.merge_on_sign_in(conn, member.account_id or 0, b"g" * 32)


async def test_s35_what_both_baskets_hold_needs_no_room_when_they_are_merged(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "LINES_AT_MOST", 3)
    apple, pear, fig, late = [await market.sku(9) for _ in range(4)]
    member = Owner(account_id=await market.account("mei"))
    for sku in (apple, pear, late):
        await put(market, GUEST, sku, 2)
    for sku in (apple, fig):
        await put(market, member, sku, 1)
    async with market.db.transaction() as conn:
        assert await service.merge_on_sign_in(conn, member.account_id or 0, b"g" * 32)
    assert {line.sku_id: line.quantity for line in (await look(market, member)).lines} == {apple: 3, fig: 1, pear: 2}


async def test_s35_a_basket_is_its_owners_alone(market: Market) -> None:
    sku = await market.sku(9)
    await put(market, GUEST, sku, 2)
    async with market.db.transaction() as conn:
        await service.set_quantity(conn, OTHER, sku, 1)
        await service.remove(conn, OTHER, sku)
    async with market.db.read() as conn:
        assert (await count_of(conn, GUEST), await count_of(conn, OTHER)) == (2, 0)
        assert await count_of(conn, Owner()) == 0


async def test_an_order_can_be_wanted_again_as_far_as_it_can_be_had(market: Market) -> None:
    plenty, few, gone = await market.sku(9), await market.sku(2), await market.sku(0)
    await put(market, GUEST, few, 1)
    async with market.db.transaction() as conn:
        missing = await service.add_again(conn, GUEST, {plenty: 3, few: 3, gone: 1, 9999: 1})
    assert missing == [few, gone, 9999]
    assert {line.sku_id: line.quantity for line in (await look(market, GUEST)).lines} == {few: 2, plenty: 3}


async def test_old_baskets_of_guests_are_forgotten(market: Market) -> None:
    sku = await market.sku(9)
    member = Owner(account_id=await market.account("mei"))
    for owner in (GUEST, OTHER, member):
        await put(market, owner, sku, 1)
    async with market.db.transaction() as conn:
        await conn.execute(
            "UPDATE carts SET updated_at = now() - interval '61 days' WHERE cookie_hash IS DISTINCT FROM %(o)s",
            {"o": b"o" * 32},
        )
        assert await service.forget_old_guests(conn, 60) == 1
    assert [(await look(market, owner)).count for owner in (GUEST, OTHER, member)] == [0, 1, 1]
