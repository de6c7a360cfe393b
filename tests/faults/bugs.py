"""Bugs that can be planted, each with the one invariant that has to find it. The shop itself holds no switch for them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from shop.db import Connection, Row
from shop.orders.placing import counter, service
from shop.orders.placing.models import Purchase
from shop.orders.stock import service as stock
from shop.payments import settling
from shop.payments.models import Notice, Outcome
from shop.payments.service import take_notice

LOCK: Final = "FOR NO KEY UPDATE"
# Long enough for a twin in another process to look, too.
PAUSE: Final = 0.5
# So long nobody looks at the shelf again.
STALE: Final = 5.0


@dataclass(frozen=True, slots=True)
class Bug:
    """What is taken out of the database, what is done to each web process, and the invariant that breaks."""

    breaks: str
    statement: str
    plant: Callable[[], None]


def _decide_without_locks() -> None:
    """Buyers are decided on what the shelf held a moment ago."""
    look = stock.lock_goods
    seen: dict[int, tuple[float, Row]] = {}

    async def remembered(conn: Connection, sku_ids: Sequence[int]) -> dict[int, Row]:
        now = time.monotonic()
        wanted = set(sku_ids)
        missing = [sku_id for sku_id in wanted if sku_id not in seen or seen[sku_id][0] < now - STALE]
        seen.update({sku_id: (now, row) for sku_id, row in (await look(conn, missing)).items()})
        return {sku_id: seen[sku_id][1] for sku_id in wanted if sku_id in seen}

    replace(stock, "LOCK_GOODS", _unlocked(stock.LOCK_GOODS))
    replace(stock, "TAKE", stock.TAKE.replace("AND s.stock >= n.count", ""))
    replace(counter, "lock_goods", remembered)


def _look_for_no_twin() -> None:
    """Twins neither wait for each other nor see each other."""
    look = service.orders_of_checkouts

    async def looked_long_ago(conn: Connection, purchases: Sequence[Purchase]) -> Any:
        before = await look(conn, purchases)
        await asyncio.sleep(PAUSE)
        return before

    replace(service, "LOCK_CARTS", _unlocked(service.LOCK_CARTS))
    replace(service, "orders_of_checkouts", looked_long_ago)


def _take_every_notice() -> None:
    """A notice that was taken before is money once more."""
    take = take_notice

    async def taken_again(conn: Connection, notice: Notice) -> Outcome:
        outcome = await take(conn, notice)
        if outcome is Outcome.REPEATED:
            await conn.execute(BOOK_AGAIN, {"provider": notice.provider, "trade": notice.trade_no})
        return outcome

    replace(settling, "take_notice", taken_again)


BOOK_AGAIN: Final = """
INSERT INTO payments (order_id, provider, reference, state, amount, currency, trade_no, expires_at, settled_at)
SELECT order_id, provider, gen_random_uuid(), state, amount, currency, trade_no, expires_at, now() FROM payments
WHERE provider = %(provider)s AND trade_no = %(trade)s AND state = 'captured' LIMIT 1
"""


def _unlocked(sql: str) -> str:
    return sql[: sql.index(LOCK)]


def replace(module: Any, name: str, other: Any) -> None:
    """Put something else into a module before it serves."""
    if getattr(module, name) == other:
        raise AssertionError(f"{module.__name__}.{name} is not what the bug was made for")
    setattr(module, name, other)


BUGS: Final[dict[str, Bug]] = {
    "stock-guard": Bug("I1", "ALTER TABLE skus DROP CONSTRAINT skus_stock_check", _decide_without_locks),
    "checkout-id": Bug("I4", "ALTER TABLE orders DROP CONSTRAINT orders_checkout_id_key", _look_for_no_twin),
    "notice-claim": Bug(
        "I2",
        "ALTER TABLE payments DROP CONSTRAINT payments_one_trade; DROP INDEX payments_one_captured",
        _take_every_notice,
    ),
}
