"""Whether the shop takes orders: a fact of the shop, asked in the transaction that would place one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from shop.db import Connection
from shop.facts import fact, forget_fact, state_fact

PAUSE: Final = "orders_paused"


async def pause_of(conn: Connection) -> dict[str, str] | None:
    """What the shop tells its customers meanwhile, by language; None while orders are taken."""
    return await fact(conn, PAUSE)


async def pause_orders(conn: Connection, message: Mapping[str, str]) -> None:
    """No order is placed from now on; those there are go their way."""
    await state_fact(conn, PAUSE, message)


async def resume_orders(conn: Connection) -> None:
    """Orders are taken again."""
    await forget_fact(conn, PAUSE)
