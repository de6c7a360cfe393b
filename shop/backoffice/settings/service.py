"""Settings changed, with their entry in the log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shop.backoffice.audit import service as audit
from shop.backoffice.audit.models import Actor
from shop.cart.pause import pause_of, pause_orders, resume_orders
from shop.db import Connection
from shop.orders.recipients import recipients_of, write_to

ORDERS, RECIPIENTS = "setting:orders", "setting:recipients"


async def pause(conn: Connection, actor: Actor, message: Mapping[str, str]) -> None:
    """No order is placed from now on; customers read the message."""
    before = await pause_of(conn)
    await pause_orders(conn, message)
    await audit.record(conn, actor, "setting.paused", ORDERS, {"message": before}, {"message": dict(message)})


async def resume(conn: Connection, actor: Actor) -> None:
    """Orders are taken again."""
    before = await pause_of(conn)
    if before is not None:
        await resume_orders(conn)
        await audit.record(conn, actor, "setting.resumed", ORDERS, {"message": before}, {"message": None})


async def change_recipients(
    conn: Connection, actor: Actor, addresses: Sequence[str], configured: Sequence[str]
) -> None:
    """Others are told of new orders; addresses are people's, so the log names the field only."""
    before = await recipients_of(conn, configured)
    await write_to(conn, addresses)
    told = ({"recipients": before}, {"recipients": list(addresses)})
    await audit.record(conn, actor, "setting.changed", RECIPIENTS, *told, personal=("recipients",))
