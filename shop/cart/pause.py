"""Whether the shop takes orders: a fact of the shop, asked in the transaction that would place one."""

from __future__ import annotations

from typing import Final

from shop.db import Connection
from shop.facts import fact, forget_fact

PAUSE: Final = "orders_paused"


async def pause_of(conn: Connection) -> dict[str, str] | None:
    """What the shop tells its customers meanwhile, by language; None while orders are taken."""
    return await fact(conn, PAUSE)


async def resume_orders(conn: Connection) -> None:
    """Orders are taken again."""
    await forget_fact(conn, PAUSE)
