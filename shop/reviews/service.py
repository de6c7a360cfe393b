"""Reviews: written by buyers, let through or not by the shop."""

from shop.db import Connection, Now
from shop.reviews.models import NotBought, Review, ReviewStatus
from shop.reviews.queries import was_brought


async def write_review(conn: Connection, account_id: int, product_id: int, *, stars: int, text: str, lang: str) -> None:
    """Keeps what a buyer says, to be read before others see it; raises NotBought."""
    if not await was_brought(conn, account_id, product_id):
        raise NotBought
    said = {"stars": stars, "text": text, "lang": lang, "status": ReviewStatus.PENDING, "written_at": Now()}
    await Review.objects.using(conn).update_or_create(said, account_id=account_id, product_id=product_id)


async def moderate(conn: Connection, review_id: int, status: ReviewStatus) -> bool:
    """Shows a review to everybody or hides it; False when there is none."""
    return bool(await Review.objects.using(conn).filter(id=review_id).update(status=status))
