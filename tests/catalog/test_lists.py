"""Lists: order, filters, and pages that neither repeat nor lose goods."""

import re

import pytest

from shop.catalog.listing.forms import query_of, wish_of
from shop.catalog.listing.models import Place, Sort, Wish
from shop.catalog.listing.queries import facets_of, page_of_category
from shop.catalog.service import set_status
from shop.db import Database
from tests.catalog.stall import put_up_stall, sell
from tests.conftest import Visitor

OFFER = """
UPDATE skus SET offer_price = %(price)s, offer_from = now() - interval '1 day', offer_until = now() + interval '1 day'
WHERE code = %(code)s
"""


async def fill(db: Database) -> int:
    """Ten kinds of plums at 1.00 to 10.00; the dearest is on offer for 0.50, the sixth is sold out."""
    stall = await put_up_stall(db)
    fruit = stall.categories["Berries"]
    async with db.transaction() as conn:
        for number in range(1, 11):
            await sell(
                conn, fruit, f"Plums {number}", f"李子{number}", price=100 * number, stock=0 if number == 6 else 9
            )
        await conn.execute(OFFER, {"price": 50, "code": "PLUMS-10-1"})
        await conn.execute("UPDATE skus SET sold = price WHERE code LIKE 'PLUMS%%'", {})
        await conn.execute("UPDATE skus SET featured = 1 WHERE code = 'PLUMS-4-1'")
    return fruit


async def names(db: Database, category: int, wish: Wish, size: int = 30) -> list[str]:
    async with db.read() as conn:
        page = await page_of_category(conn, [category], wish, "en", size)
    return [card.name.removeprefix("Plums ") for card in page.cards]


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        (Sort.DEFAULT, "4 10 9 8 7 6 5 3 2 1 Bayberries"),
        (Sort.NEWEST, "10 9 8 7 6 5 4 3 2 1 Bayberries"),
        (Sort.CHEAPEST, "10 1 2 3 4 5 6 7 8 9 Bayberries"),
        (Sort.DEAREST, "Bayberries 9 8 7 6 5 4 3 2 1 10"),
        (Sort.POPULAR, "10 9 8 7 6 5 4 3 2 1 Bayberries"),
    ],
)
async def test_each_order(db: Database, sort: Sort, expected: str) -> None:
    assert await names(db, await fill(db), Wish(sort=sort)) == expected.split()


@pytest.mark.parametrize("sort", list(Sort))
async def test_paging_there_and_back_shows_each_once(db: Database, sort: Sort) -> None:
    category = await fill(db)
    whole = await names(db, category, Wish(sort=sort))
    seen: list[str] = []
    after: Place | None = None
    async with db.read() as conn:
        while True:
            page = await page_of_category(conn, [category], Wish(sort=sort, after=after), "en", 4)
            seen += [card.name.removeprefix("Plums ") for card in page.cards]
            if page.after is None:
                break
            after = page.after
        assert seen == whole
        back: list[str] = []
        while page.before is not None:
            page = await page_of_category(conn, [category], Wish(sort=sort, before=page.before), "en", 4)
            back = [card.name.removeprefix("Plums ") for card in page.cards] + back
    assert back == whole[: len(back)]
    assert len(back) == 8


async def test_goods_that_go_meanwhile_lose_nothing(db: Database) -> None:
    category = await fill(db)
    async with db.transaction() as conn:
        first = await page_of_category(conn, [category], Wish(sort=Sort.NEWEST), "en", 4)
        await set_status(conn, first.cards[0].id, "offline")
        await set_status(conn, first.cards[-1].id, "offline")
        second = await page_of_category(conn, [category], Wish(sort=Sort.NEWEST, after=first.after), "en", 4)
    assert [card.name for card in second.cards] == ["Plums 6", "Plums 5", "Plums 4", "Plums 3"]


async def test_filters(db: Database) -> None:
    category = await fill(db)
    assert await names(db, category, Wish(only_offers=True)) == ["10"]
    assert "6" not in await names(db, category, Wish(only_stock=True))
    async with db.transaction() as conn:
        origin = await conn.fetch_value(
            "INSERT INTO origins (code, name) VALUES ('hunan', %(name)s) RETURNING id", {"name": {"en": "Hunan"}}
        )
        await conn.execute("UPDATE skus SET origin_id = %(id)s WHERE code = 'PLUMS-3-1'", {"id": origin})
        await conn.execute("UPDATE products SET keeping = 'chilled' WHERE name->>'en' IN ('Plums 3', 'Plums 5')")
    assert await names(db, category, Wish(origins=("hunan",))) == ["3"]
    assert await names(db, category, Wish(keepings=("chilled",))) == ["5", "3"]
    async with db.read() as conn:
        facets = await facets_of(conn, [category], Wish(), "en")
        narrowed = await facets_of(conn, [category], Wish(origins=("hunan",)), "en")
    assert [(c.name, c.goods) for c in facets.origins] == [("Hunan", 1)]
    assert [(c.value, c.goods) for c in facets.keepings] == [("ambient", 9), ("chilled", 2)]
    assert [(c.value, c.goods) for c in narrowed.keepings] == [("ambient", 0), ("chilled", 1)]


async def test_the_counts_of_filters_follow_the_goods(db: Database) -> None:
    category = await fill(db)
    async with db.transaction() as conn:
        await conn.execute("UPDATE products SET status = 'offline' WHERE name->>'en' LIKE 'Plums%%'", {})
    async with db.read() as conn:
        assert (await facets_of(conn, [category], Wish(), "en")).goods == 1


async def test_the_next_page_keeps_the_query(db: Database, client: Visitor) -> None:
    category = await fill(db)
    async with db.transaction() as conn:
        for number in range(11, 40):
            await sell(conn, category, f"Plums {number}", f"李子{number}", price=1000 + number)
    page = await (await client.get("/categories/berries?sort=cheapest&stock=1")).text()
    link = re.search(r'rel="next" href="([^"]+)"', page)
    assert link is not None
    path = link[1].replace("&amp;", "&")
    assert path.startswith("/categories/berries?sort=cheapest&stock=1&after=")
    response = await client.get(path)
    page = await response.text()
    assert response.status == 200
    assert 'rel="prev"' in page
    assert 'rel="next"' not in page
    assert '<link rel="canonical" href="' in page
    assert "Plums 39" in page


@pytest.mark.parametrize(
    "query",
    [
        "sort=;drop&after=1",
        "after=99999999999999999999.1",
        "after=%00.%00",
        "after=-1.0&before=x",
        "origin=%27,%25%25,../..,a&keeping=lava",
        "after=9223372036854775807.9223372036854775807",
        "before=0.0",
        "page=1e9",
    ],
)
async def test_s28_no_address_of_a_list_breaks_it(db: Database, client: Visitor, query: str) -> None:
    await put_up_stall(db)
    assert (await client.get(f"/categories/fruit?{query}")).status == 200


def test_an_address_says_only_what_was_chosen() -> None:
    assert query_of(wish_of({})) == {}
    asked = {"sort": "popular", "origin": "yunnan,hainan,yunnan", "offer": "1", "after": "12.7"}
    assert query_of(wish_of(asked)) == {"sort": "popular", "origin": "hainan,yunnan", "offer": "1", "after": "12.7"}
