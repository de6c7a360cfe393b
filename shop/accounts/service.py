"""Small things a customer decides about the account."""

from __future__ import annotations

from shop.accounts.models import Account, PendingRegistration
from shop.db import Connection


async def choose_language(conn: Connection, account_id: int, language: str) -> None:
    """Write to the customer in this language from now on."""
    await Account.objects.using(conn).filter(id=account_id).update(language=language)


async def forget_pending(conn: Connection, account_id: int) -> None:
    """Void every registration that still waits for its mail; the address is confirmed, or its owner gone."""
    await PendingRegistration.objects.using(conn).filter(account_id=account_id).delete()
