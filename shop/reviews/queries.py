"""What can be told about reviews."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from shop.accounts.models import Account
from shop.accounts.personal_data.models import Chapter
from shop.db import Connection, Row
from shop.reviews.models import Review, ReviewStatus

NEWEST = 20


@dataclass(frozen=True, slots=True)
class Opinions:
    """What others say about a product: how many, their average in tenths of a star, and the newest of them."""

    count: int
    tenths: int
    newest: Sequence[Row]

    @property
    def average(self) -> str:
        """As people write it: "4.5"."""
        return f"{self.tenths // 10}.{self.tenths % 10}"


async def opinions_on(conn: Connection, product_id: int) -> Opinions:
    """The shown reviews of a product, newest first."""
    totals = await conn.fetch_one(TOTALS, {"product": product_id})
    assert totals is not None
    newest = await conn.fetch_all(NEWEST_OF, {"product": product_id, "n": NEWEST}) if totals.n else []
    return Opinions(totals.n, totals.tenths or 0, newest)


async def was_brought(conn: Connection, account_id: int, product_id: int) -> bool:
    """Whether an order of this customer with this product has arrived and was not given back."""
    return bool(await conn.fetch_value(BROUGHT, {"account": account_id, "product": product_id}))


async def review_by(conn: Connection, account_id: int, product_id: int) -> Review | None:
    """What this customer has said about the product."""
    return await Review.objects.using(conn).filter(account_id=account_id, product_id=product_id).first()


async def waiting(conn: Connection, limit: int) -> list[Review]:
    """Reviews nobody of the shop has read yet, oldest first."""
    return await Review.objects.using(conn).filter(status=ReviewStatus.PENDING).order_by("id")[:limit]


async def _tell(conn: Connection, account: Account) -> Any:
    mine = await Review.objects.using(conn).filter(account_id=account.id).order_by("id")
    return [{"product": one.product_id, "stars": one.stars, "text": one.text, "at": one.written_at} for one in mine]


async def _forget(conn: Connection, account: Account) -> None:
    await Review.objects.using(conn).filter(account_id=account.id).delete()


CHAPTER = Chapter("reviews", _tell, _forget)

TOTALS = """
SELECT count(*) AS n, round(avg(stars) * 10)::int AS tenths FROM reviews
WHERE product_id = %(product)s AND status = 'shown'
"""

NEWEST_OF = """
SELECT r.stars, r.text, r.lang, r.written_at, a.username FROM reviews r JOIN accounts a ON a.id = r.account_id
WHERE r.product_id = %(product)s AND r.status = 'shown' ORDER BY r.id DESC LIMIT %(n)s
"""

BROUGHT = """
SELECT EXISTS (SELECT FROM orders o JOIN order_lines l ON l.order_id = o.id
    WHERE o.account_id = %(account)s AND o.fulfilment IN ('delivered', 'finished') AND l.product_id = %(product)s)
"""
