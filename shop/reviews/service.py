"""Reviews: written by buyers, let through or not by the shop."""

from shop.db import Connection
from shop.reviews.models import NotBought, Review, ReviewStatus
from shop.reviews.queries import was_brought


async def write_review(conn: Connection, account_id: int, product_id: int, *, stars: int, text: str, lang: str) -> None:
    """Keeps what a buyer says, to be read before others see it; raises NotBought."""
    if not await was_brought(conn, account_id, product_id):
        raise NotBought
    params = {"account": account_id, "product": product_id, "stars": stars, "text": text, "lang": lang}
    await conn.execute(WRITE, params)


async def moderate(conn: Connection, review_id: int, status: ReviewStatus) -> bool:
    """Shows a review to everybody or hides it; False when there is none."""
    return bool(await Review.objects.using(conn).filter(id=review_id).update(status=status))


WRITE = """
INSERT INTO reviews (account_id, product_id, stars, text, lang)
VALUES (%(account)s, %(product)s, %(stars)s, %(text)s, %(lang)s)
ON CONFLICT (account_id, product_id) DO UPDATE SET stars = excluded.stars, text = excluded.text, lang = excluded.lang,
    status = 'pending', written_at = now()
"""
