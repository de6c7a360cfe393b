"""What happened to an account lately."""

from __future__ import annotations

from shop.accounts.security.models import SecurityEvent
from shop.db import Connection


async def events_of(conn: Connection, account_id: int, at_most: int = 30) -> list[SecurityEvent]:
    """The newest lines of the account's record, newest first."""
    return await SecurityEvent.objects.using(conn).filter(account_id=account_id).order_by("-id")[:at_most]
