"""Settings changed, with their entry in the log."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from shop.backoffice.audit import service as audit
from shop.backoffice.audit.models import Actor
from shop.backoffice.versions import EditConflict
from shop.cart.pause import PAUSE, pause_of, resume_orders
from shop.db import Connection
from shop.facts import UNSTATED, ShopFact, edit_fact
from shop.orders.recipients import RECIPIENTS, recipients_of

Told = tuple[Mapping[str, Any], Mapping[str, Any]]
# Under which name the log knows what is stated.
OBJECTS: Final = {PAUSE: "orders", RECIPIENTS: "recipients"}


async def edit(
    conn: Connection,
    actor: Actor,
    key: str,
    value: Mapping[str, Any],
    version: int,
    *,
    told: Told,
    picture: str | None = None,
    action: str = "setting.changed",
    personal: Collection[str] = (),
) -> None:
    """States a fact over the version that was looked at; raises EditConflict. `told` is what the log keeps: before, after."""
    if not await edit_fact(conn, key, value, version, picture=picture):
        raise EditConflict
    await audit.record(conn, actor, action, object_of(key), *told, personal=personal)


def object_of(key: str) -> str:
    """The name of a setting in the log."""
    return f"setting:{OBJECTS.get(key, key)}"


def version_of(stated: ShopFact | None) -> int:
    """The version of what is stated, for its form."""
    return UNSTATED if stated is None else stated.version


async def pause(conn: Connection, actor: Actor, version: int, message: Mapping[str, str]) -> None:
    """No order is placed from now on; customers read the message. Raises EditConflict."""
    told = ({"message": await pause_of(conn)}, {"message": dict(message)})
    await edit(conn, actor, PAUSE, message, version, told=told, action="setting.paused")


async def resume(conn: Connection, actor: Actor) -> None:
    """Orders are taken again."""
    before = await pause_of(conn)
    if before is not None:
        await resume_orders(conn)
        told = ({"message": before}, {"message": None})
        await audit.record(conn, actor, "setting.resumed", object_of(PAUSE), *told)


async def change_recipients(
    conn: Connection, actor: Actor, version: int, addresses: Sequence[str], configured: Sequence[str]
) -> None:
    """Others are told of new orders; addresses are people's, so the log names the field only. Raises EditConflict."""
    told = ({"recipients": await recipients_of(conn, configured)}, {"recipients": list(addresses)})
    await edit(conn, actor, RECIPIENTS, {"to": list(addresses)}, version, told=told, personal=("recipients",))
