"""Other ways to pay, with an entry in the log; orders that are on their way to a bank still arrive."""

from __future__ import annotations

from collections.abc import Sequence

from shop.backoffice.audit.models import Actor
from shop.backoffice.settings.service import edit
from shop.db import Connection
from shop.facts import facts
from shop.orders.methods import METHODS, Method, Offer, written


async def change_methods(
    conn: Connection, actor: Actor, version: int, before: Offer, methods: Sequence[Method]
) -> None:
    """These ways to pay from now on; raises EditConflict. What was said of ways that are not set up at the moment stays said."""
    stated = (await facts(conn, [METHODS])).get(METHODS)
    named = {method.name for method in methods}
    spare = [one for one in (stated.value if stated else {}).get("methods", []) if one["name"] not in named]
    value = {"methods": [*written(methods)["methods"], *spare]}
    await edit(conn, actor, METHODS, value, version, told=(_told(before.methods), _told(methods)))


def _told(methods: Sequence[Method]) -> dict[str, object]:
    told: dict[str, object] = {"order": [method.name for method in methods if method.is_on]}
    for method in methods:
        told |= {f"{method.name}_minimum": method.minimum, f"{method.name}_maximum": method.maximum}
    return told
