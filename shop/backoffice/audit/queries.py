"""What can be told of the log."""

from __future__ import annotations

from typing import Any, Final

from shop.backoffice.audit.models import AuditEntry, Chain
from shop.db import Connection, Q
from shop.db.keyset import Page

# Every row beside the one before it (window functions), its hash made again by the function that made it.
CHECK: Final = """
    WITH linked AS (
        SELECT id, hash,
            hash = audit_hash(e) AND id = 1 + coalesce(lag(id) OVER w, 0)
                AND previous = coalesce(lag(hash) OVER w, sha256('')) AS fits
        FROM audit_log e WINDOW w AS (ORDER BY id)
    )
    SELECT count(*) AS entries, min(id) FILTER (WHERE NOT fits) AS broken_at,
        coalesce((SELECT encode(hash, 'hex') FROM audit_log ORDER BY id DESC LIMIT 1), '') AS head
    FROM linked"""


async def entries(
    conn: Connection, size: int, *, after: str | None = None, search: str = "", **narrowed: Any
) -> Page[AuditEntry]:
    """The log, newest first: of a name, an action or an object, narrowed by lookups of the table (staff_id, at__gte …)."""
    asked = AuditEntry.objects.using(conn).filter(**narrowed).order_by("-id")
    if search:
        asked = asked.filter(Q(staff_name__icontains=search) | Q(action__icontains=search) | Q(object=search))
    return await asked.page(size, after=after)


async def history_of(conn: Connection, object: str, size: int = 20) -> list[AuditEntry]:
    """The last that was done to one object, newest first."""
    return await AuditEntry.objects.using(conn).filter(object=object).order_by("-id")[:size]


async def check_chain(conn: Connection) -> Chain:
    """Look at every entry: as written, and in one row with its neighbours.

    Entries that were cut off at the end leave a whole chain; only a number and head that were noted elsewhere tell.
    """
    row = await conn.fetch_one(CHECK)
    assert row is not None
    return Chain(row.entries, row.head, row.broken_at)
