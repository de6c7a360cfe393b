"""What can be told about reviews."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from shop.accounts.models import Account
from shop.accounts.personal_data.models import Chapter
from shop.db import Connection, Count, F, Sum
from shop.money import share
from shop.orders.models import Fulfilment, OrderLine
from shop.reviews.models import Review, ReviewStatus

NEWEST = 20


@dataclass(frozen=True, slots=True)
class Opinions:
    """What others say about a product: how many, their average in tenths of a star, and the newest of them."""

    count: int
    tenths: int
    newest: Sequence[Review]

    @property
    def average(self) -> str:
        """As people write it: "4.5"."""
        return f"{self.tenths // 10}.{self.tenths % 10}"


async def opinions_on(conn: Connection, product_id: int) -> Opinions:
    """The shown reviews of a product, newest first."""
    shown = Review.objects.using(conn).filter(product_id=product_id, status=ReviewStatus.SHOWN)
    totals = await shown.aggregate(n=Count("*"), stars=Sum("stars"))
    if not totals["n"]:
        return Opinions(0, 0, ())
    newest = await shown.annotate(username=F("account__username")).order_by("-id")[:NEWEST]
    return Opinions(totals["n"], share(totals["stars"], 10, totals["n"]), newest)


async def was_brought(conn: Connection, account_id: int, product_id: int) -> bool:
    """Whether an order of this customer with this product has arrived and was not given back."""
    arrived = [Fulfilment.DELIVERED, Fulfilment.FINISHED]
    own = OrderLine.objects.using(conn).filter(order__account_id=account_id, order__fulfilment__in=arrived)
    return await own.filter(product_id=product_id).exists()


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


async def count_unread_reviews(conn: Connection) -> int:
    """How many reviews nobody has read yet."""
    return await Review.objects.using(conn).filter(status=ReviewStatus.PENDING).count()
