"""Small things a customer decides about the account."""

from __future__ import annotations

from shop.db import Connection


async def choose_language(conn: Connection, account_id: int, language: str) -> None:
    """Write to the customer in this language from now on."""
    await conn.execute(
        "UPDATE accounts SET language = %(language)s WHERE id = %(id)s", {"id": account_id, "language": language}
    )
