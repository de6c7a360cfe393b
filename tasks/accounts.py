"""What accounts promise: that those which nobody ever activated are forgotten."""

from __future__ import annotations

from typing import Final

from shop.accounts.service import forget_never_activated
from shop.outbox import Lease
from tasks.runtime import Workshop, promised

AT_ONCE: Final = 100


@promised("tasks.accounts.forget_never_activated")
async def forget(shop: Workshop, held: Lease) -> None:
    """Forget them, some at a time."""
    gone = AT_ONCE
    while gone == AT_ONCE:
        async with shop.db.transaction() as conn:
            gone = await forget_never_activated(conn, AT_ONCE)
