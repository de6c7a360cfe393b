"""Writing down what happens to an account."""

from __future__ import annotations

from typing import Any

from shop.accounts.security.models import Kind, Origin, SecurityEvent
from shop.db import Connection


async def record(conn: Connection, account_id: int | None, kind: Kind, origin: Origin, **details: Any) -> None:
    """Add a line to the account's record; details name personal fields and never hold their values."""
    await SecurityEvent.objects.using(conn).create(
        account_id=account_id, kind=kind, network=origin.network, device=origin.device, details=details
    )
