"""Writing down what happens to an account, and telling its owner."""

from __future__ import annotations

from typing import Any

from shop import outbox
from shop.accounts.security.models import Kind, Origin, SecurityEvent
from shop.db import Connection


async def record(conn: Connection, account_id: int | None, kind: Kind, origin: Origin, **details: Any) -> None:
    """Add a line to the account's record; details name personal fields and never hold their values."""
    await SecurityEvent.objects.using(conn).create(
        account_id=account_id, kind=kind, network=origin.network, device=origin.device, details=details
    )


async def tell_owner(conn: Connection, account_id: int, kind: Kind) -> None:
    """Promise a mail that says what happened and what to do if it was somebody else."""
    await outbox.promise(conn, "tasks.mail.send_security_notice", account_id=account_id, kind=kind)
