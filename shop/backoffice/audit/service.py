"""Writing to the log, in the transaction of what is done."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import date, datetime
from typing import Any, Final

from shop.backoffice.audit.models import PEOPLE, PERSONAL, Actor
from shop.db import Connection

# Written for a value that is nobody's business.
HIDDEN: Final = "•"

# Only these columns are the web role's to fill: number, time and hashes are the database's.
RECORD: Final = """
    INSERT INTO audit_log (staff_id, staff_name, address, action, object, changes)
    VALUES (%(staff_id)s, %(name)s, %(address)s, %(action)s, %(object)s, %(changes)s)"""


async def record(
    conn: Connection,
    actor: Actor,
    action: str,
    object: str,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    *,
    personal: Collection[str] = (),
) -> None:
    """Add what `actor` did ("product.changed") to an object ("product:7"): the fields that differ, with both values.

    Fields named in `personal` (and those of PERSONAL and of customers) stand by name only. Call it last in the transaction:
    from here on other writers of the log wait.
    """
    hidden = PERSONAL.union(personal)
    everything = object.partition(":")[0] in PEOPLE
    changes = {
        name: [HIDDEN, HIDDEN] if everything or name in hidden else values
        for name, values in differing(before or {}, after or {}).items()
    }
    values = {"staff_id": actor.staff_id, "name": actor.name, "address": actor.address}
    told = json.dumps(changes, default=_plain, ensure_ascii=False)
    await conn.execute(RECORD, {**values, "action": action, "object": object, "changes": told})


def differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, list[Any]]:
    """[old, new] of every field that is not the same; None stands for a field that is not there."""
    names = [*before, *(name for name in after if name not in before)]
    return {name: [before.get(name), after.get(name)] for name in names if before.get(name) != after.get(name)}


def _plain(value: object) -> object:
    if isinstance(value, set | frozenset | tuple):
        return sorted(value) if isinstance(value, set | frozenset) else list(value)
    return value.isoformat() if isinstance(value, date | datetime) else str(value)
