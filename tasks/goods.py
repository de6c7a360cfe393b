"""What goods promise: that they are found by the names of their categories, and that dates are kept."""

from __future__ import annotations

from typing import Final

from shop.backoffice.goods.service import keep_dates
from shop.catalog.categories.queries import products_below
from shop.catalog.words.service import refresh_words
from shop.outbox import Lease
from tasks.runtime import Workshop, promised

AT_ONCE: Final = 100


@promised("tasks.goods.refresh_words")
async def refresh_category_words(shop: Workshop, held: Lease, *, category_id: int) -> None:
    """Make the words of all goods below a category anew, some at a time; done twice, they come out the same."""
    last: int | None = 0
    while last is not None:
        async with shop.db.transaction() as conn:
            found = await products_below(conn, category_id, after=last, limit=AT_ONCE)
            await refresh_words(conn, found)
        last = found[-1] if found else None


@promised("tasks.goods.keep_dates")
async def keep(shop: Workshop, held: Lease) -> None:
    """Put goods online and offline whose moment has come."""
    changed = True
    while changed:
        async with shop.db.transaction() as conn:
            changed = bool(await keep_dates(conn, AT_ONCE))
