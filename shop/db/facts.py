"""Facts about the whole shop that are neither settings nor rows of anything: one value under a name."""

from collections.abc import Mapping
from typing import Any

from .engine import Connection


async def fact(conn: Connection, key: str) -> dict[str, Any] | None:
    """What is stated under this name; None when nothing is."""
    value: dict[str, Any] | None = await conn.fetch_value(
        "SELECT value FROM shop_facts WHERE key = %(key)s", {"key": key}
    )
    return value


async def state_fact(conn: Connection, key: str, value: Mapping[str, Any]) -> None:
    """States a fact, instead of what was stated before."""
    await conn.execute(STATE, {"key": key, "value": dict(value)})


STATE = """
INSERT INTO shop_facts (key, value) VALUES (%(key)s, %(value)s)
ON CONFLICT (key) DO UPDATE SET value = excluded.value, updated_at = now()
"""
