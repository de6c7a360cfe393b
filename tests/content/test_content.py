"""The shop's own words: pages, and blocks that come and go."""

from datetime import UTC, datetime, timedelta

import pytest
from yarl import URL

from shop.catalog.service import set_status
from shop.content.queries import home_blocks
from shop.content.service import NewBlock, add_block, add_page
from shop.db import CheckViolation, Database, FieldError
from shop.richtext import clean
from tests.catalog.stall import Stall, put_up_stall
from tests.conftest import Visitor


@pytest.fixture
async def stall(db: Database) -> Stall:
    return await put_up_stall(db)


async def test_a_page_in_both_languages(db: Database, client: Visitor) -> None:
    async with db.transaction() as conn:
        title = {"en": "Delivery", "zh": "配送"}
        await add_page(conn, "delivery", title, {"en": "<p>By noon.</p>", "zh": "<p>中午前送达。</p>"})
    assert "<p>By noon.</p>" in await (await client.get("/pages/delivery")).text()
    assert "<p>中午前送达。</p>" in await (await client.get("/zh/pages/delivery")).text()
    async with db.transaction() as conn:
        await add_page(conn, "draft", {"en": "Draft"}, {})
        await conn.execute("UPDATE content_pages SET is_published = false WHERE slug = 'draft'")
    for slug in ("draft", "nothing"):
        assert (await client.get(f"/pages/{slug}")).status == 404


async def test_a_kept_page_does_not_repeat_how_its_first_visitor_spelled_the_address(
    db: Database, client: Visitor
) -> None:
    async with db.transaction() as conn:
        await add_page(conn, "terms", {"en": "Terms", "zh": "条款"}, {"en": "<p>Fair.</p>", "zh": "<p>公平。</p>"})
    odd = await (await client.get(URL("/pages/%74erms?%22=1", encoded=True))).text()
    plain = await (await client.get("/pages/terms")).text()
    assert odd == plain
    assert "%74" not in plain
    assert '/zh/pages/terms"' in plain


async def test_what_an_editor_pastes_cannot_run(db: Database, client: Visitor) -> None:
    body = '<p onclick="x()" style="position:fixed">Hello <script>alert(1)</script><img src="https://spy.example/1.gif"></p>'
    async with db.transaction() as conn:
        await add_page(conn, "about", {"en": "About"}, {"en": body})
    page = await (await client.get("/pages/about")).text()
    assert "<p>Hello <img></p>" in page
    assert "alert(1)" not in page


def test_rich_text_keeps_what_a_letter_needs() -> None:
    letter = '<h2>Hi</h2><p class="note evil">A <strong>b</strong> <a href="/pages/about">c</a></p>'
    assert clean(letter) == (
        '<h2>Hi</h2><p class="note">A <strong>b</strong> <a href="/pages/about" rel="noopener noreferrer nofollow">c</a></p>'
    )
    assert clean('<a href="javascript:x()">c</a>') == '<a rel="noopener noreferrer nofollow">c</a>'


async def test_blocks_stand_on_the_home_page_while_their_time_lasts(
    db: Database, client: Visitor, stall: Stall
) -> None:
    now = datetime.now(UTC)
    fruit = stall.categories["Fruit"]
    async with db.transaction() as conn:
        for title, starts_at, ends_at in (
            ("Now", now - timedelta(days=1), now + timedelta(days=1)),
            ("Ever", None, None),
            ("Over", None, now - timedelta(days=1)),
            ("Soon", now + timedelta(days=1), None),
        ):
            block = NewBlock(
                kind="banner", title={"en": title}, starts_at=starts_at, ends_at=ends_at, category_id=fruit
            )
            await add_block(conn, block)
        blocks = await home_blocks(conn, "en")
    assert [banner.title for banner in blocks.banners] == ["Now", "Ever"]
    assert blocks.banners[0].target is not None
    page = await (await client.get("/")).text()
    assert "/categories/fruit" in page


async def test_a_shelf_shows_its_goods_in_order_and_never_those_offline(db: Database, stall: Stall) -> None:
    apples, pears, peaches = (stall.products[name] for name in ("Apples", "Pears", "Peaches"))
    async with db.transaction() as conn:
        fruit = stall.categories["Fruit"]
        await add_block(
            conn,
            NewBlock(kind="shelf", category_id=fruit, goods={"picture": [pears, apples, peaches], "text": [peaches]}),
        )
        await set_status(conn, apples, "offline")
        shelf = (await home_blocks(conn, "en")).shelves[0]
    assert shelf.title == "Fruit"
    assert [card.name for card in shelf.cards] == ["Pears", "Peaches"]
    assert [card.name for card in shelf.text_goods] == ["Peaches"]


@pytest.mark.parametrize(
    ("block", "refusal"),
    [
        (NewBlock(kind="shelf"), CheckViolation),
        (NewBlock(kind="poster"), FieldError),
        (NewBlock(kind="banner", tone="neon"), FieldError),
        (
            NewBlock(
                kind="banner", starts_at=datetime(2026, 2, 1, tzinfo=UTC), ends_at=datetime(2026, 1, 1, tzinfo=UTC)
            ),
            CheckViolation,
        ),
    ],
)
async def test_blocks_that_make_no_sense_are_refused(db: Database, block: NewBlock, refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        async with db.transaction() as conn:
            await add_block(conn, block)
    async with db.read() as conn:
        assert await conn.fetch_value("SELECT count(*) FROM blocks") == 0
