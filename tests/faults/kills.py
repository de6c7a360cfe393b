"""`kill -9` at six points of checkout, planted into a process before it serves."""

from __future__ import annotations

import os
import signal
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, Final

from shop import outbox
from shop.db.group_commit import GroupCommit
from shop.orders.placing import counter, ledger, service

# Where the process dies: the module or class, the name in it, and whether before or after it has run.
POINTS: Final[dict[str, tuple[Any, str, bool]]] = {
    "baskets locked": (service, "lock_carts", False),
    "goods locked": (counter, "lock_goods", False),
    "orders written": (ledger, "take_windows", True),
    "goods taken": (ledger, "take", False),
    "mails promised": (outbox, "promise_all", False),
    "committed": (GroupCommit, "_committed", False),
}


def die_at(point: str) -> None:
    """Plants the kill: whoever comes to this point first takes the whole process along."""
    place, name, is_before = POINTS[point]
    original: Callable[..., Awaitable[Any]] = getattr(place, name)

    @wraps(original)
    async def deadly(*given: Any, **named: Any) -> Any:
        if not is_before:
            await original(*given, **named)
        os.kill(os.getpid(), signal.SIGKILL)
        return None

    setattr(place, name, deadly)
