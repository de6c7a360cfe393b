"""Who of the shop is written to about orders: as the back office says, else as the settings of the start say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from shop.db import Connection
from shop.facts import fact

RECIPIENTS: Final = "order_mails"


async def recipients_of(conn: Connection, configured: Sequence[str]) -> list[str]:
    """The addresses; `configured` are those of SHOP_ORDER_MAILS."""
    stated = await fact(conn, RECIPIENTS)
    return list(configured if stated is None else stated["to"])
