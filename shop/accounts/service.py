"""Small things a customer decides about the account."""

from __future__ import annotations

from shop.db import Connection


async def choose_language(conn: Connection, account_id: int, language: str) -> None:
    """Write to the customer in this language from now on."""
    await conn.execute(
        "UPDATE accounts SET language = %(language)s WHERE id = %(id)s", {"id": account_id, "language": language}
    )


async def forget_pending(conn: Connection, account_id: int) -> None:
    """Void every registration that still waits for its mail; the address is confirmed, or its owner gone."""
    await conn.execute("DELETE FROM pending_registrations WHERE account_id = %(id)s", {"id": account_id})
