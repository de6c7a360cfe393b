"""What the staff's log promises: that somebody looks at every entry each night."""

from __future__ import annotations

from shop.backoffice.audit.queries import check_chain
from shop.outbox import Hopeless, Lease
from tasks.runtime import Workshop, promised


@promised("tasks.staff_log.check")
async def check(shop: Workshop, held: Lease) -> None:
    """Raises Hopeless at the first entry that is not as it was written: a promise that is given up rings the alarm."""
    async with shop.db.read() as conn:
        chain = await check_chain(conn)
    if not chain.is_whole:
        raise Hopeless(f"the staff's log does not fit from entry {chain.broken_at} on; look with `run.py staff audit`")
