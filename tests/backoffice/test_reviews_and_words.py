"""Reviews wait to be read; words that mean the same help searches that found nothing."""

from shop.db import Database
from shop.search.service import record_miss
from tests.backoffice.cast import at_work, token_of
from tests.conftest import Visitor
from tests.orders.market import Market

REVIEW = """
INSERT INTO reviews (product_id, account_id, stars, text, lang)
VALUES (%(product)s, %(account)s, 2, '<script>alert(1)</script> 不好吃', 'zh') RETURNING id
"""


async def actions(db: Database) -> list[str]:
    async with db.read() as conn:
        return [row.action for row in await conn.fetch_all("SELECT action FROM audit_log ORDER BY id")]


async def test_s31_a_review_is_read_as_text_then_shown_or_hidden(db: Database, client: Visitor) -> None:
    await at_work(client, db, "customers")
    market = await Market.open(db)
    mei = await market.account("mei")
    async with db.transaction() as conn:
        review = await conn.fetch_value(REVIEW, {"product": market.product_id, "account": mei})
    page = await (await client.get("/backoffice/reviews")).text()
    assert "&lt;script&gt;alert(1)&lt;/script&gt; 不好吃" in page
    for deed, status in (("showing", "shown"), ("hiding", "hidden")):
        answer = await client.post(f"/backoffice/reviews/{review}/{deed}", headers=await token_of(client))
        assert answer.status == 200
        async with db.read() as conn:
            assert await conn.fetch_value("SELECT status FROM reviews") == status
    assert await actions(db) == ["review.shown", "review.hidden"]
    assert "不好吃" in await (await client.get("/backoffice/reviews?status=hidden")).text()
    assert "不好吃" not in await (await client.get("/backoffice/reviews?status=nonsense")).text()


async def test_words_are_joined_and_parted_and_a_miss_is_forgotten(db: Database, client: Visitor) -> None:
    await at_work(client, db, "catalogue")
    async with db.transaction() as conn:
        await record_miss(conn, "love apple", "en")
    page = await (await client.get("/backoffice/synonyms")).text()
    assert "love apple" in page
    for words, status in (("tomato", 422), (" , ", 422), ("tomatoes, love apple、番茄", 200)):
        answer = await client.post("/backoffice/synonyms", data={"words": words}, headers=await token_of(client))
        assert answer.status == status, words
    async with db.read() as conn:
        row = await conn.fetch_one("SELECT id, words FROM search_synonyms")
    assert row is not None
    assert row.words == ["tomato", "love apple", "番茄"]
    for path, data in ((f"{row.id}/removal", {}), ("forgetting", {"words": "love apple"})):
        answer = await client.post(f"/backoffice/synonyms/{path}", data=data, headers=await token_of(client))
        assert answer.status == 200
    async with db.read() as conn:
        assert await conn.fetch_value("SELECT count(*) FROM search_synonyms") == 0
        assert await conn.fetch_value("SELECT count(*) FROM search_misses") == 0
    assert await actions(db) == ["synonym.created", "synonym.deleted"]
