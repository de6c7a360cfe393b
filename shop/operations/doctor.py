"""Looks at everything a shop leans on at once, and waits for nothing that is silent."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

from shop.operations.check_machine import check_disk, check_mail, check_media
from shop.operations.check_payments import check_payments
from shop.operations.check_postgres import check_notifications, check_postgres, check_replica
from shop.operations.check_promises import check_promises
from shop.operations.check_redis import check_broker, check_cache, check_sessions
from shop.operations.findings import Check, Finding, error
from shop.settings import Settings

WITHIN_SECONDS: Final = 8.0

CHECKS: Final[Mapping[str, Check]] = {
    "PostgreSQL": check_postgres,
    "replica": check_replica,
    "notifications": check_notifications,
    "outbox": check_promises,
    "Redis for sessions": check_sessions,
    "Redis for pages": check_cache,
    "Redis as broker": check_broker,
    "mail server": check_mail,
    "payments": check_payments,
    "pictures": check_media,
    "disk": check_disk,
}


async def examine(settings: Settings, checks: Mapping[str, Check] = CHECKS) -> list[Finding]:
    """What all checks find, within eight seconds whatever is dead."""
    running = {name: asyncio.ensure_future(check(settings)) for name, check in checks.items()}
    await asyncio.wait(running.values(), timeout=WITHIN_SECONDS)
    found: list[Finding] = []
    for name, task in running.items():
        found += _told(name, task)
    return found


def _told(name: str, task: asyncio.Future[list[Finding]]) -> list[Finding]:
    if not task.done():
        task.cancel()
        return [error(name, f"said nothing for {WITHIN_SECONDS:.0f} s; look whether it hangs, and restart it.")]
    if problem := task.exception():
        return [error(name, f"could not be looked at ({type(problem).__name__}: {problem}); report this.")]
    return task.result()
