"""What can be told of the log."""

from __future__ import annotations

import hashlib
from typing import Any, Final

from shop.backoffice.audit.models import AuditEntry, Chain
from shop.db import Connection, Q
from shop.db.keyset import Page

# So many entries a statement: hashing them takes a tenth of a second.
BATCH: Final = 10_000
# Every row beside the one before it (window functions), its hash made again by the function that made it.
CHECK: Final = """
    WITH linked AS (
        SELECT id, hash,
            hash = audit_hash(e) AND id = 1 + coalesce(lag(id) OVER w, %(id)s)
                AND previous = coalesce(lag(hash) OVER w, %(hash)s) AS fits
        FROM audit_log e
        WHERE id > %(id)s AND id <= (
            SELECT max(id) FROM (SELECT id FROM audit_log WHERE id > %(id)s ORDER BY id LIMIT %(batch)s) AS next)
        WINDOW w AS (ORDER BY id)
    )
    SELECT count(*) AS entries, min(id) FILTER (WHERE NOT fits) AS broken_at, max(id) AS last,
        (SELECT hash FROM linked ORDER BY id DESC LIMIT 1) AS head
    FROM linked"""


async def entries(
    conn: Connection, size: int, *, after: str | None = None, search: str = "", **narrowed: Any
) -> Page[AuditEntry]:
    """The log, newest first: of a name, an action or an object, narrowed by lookups of the table (staff_id, at__gte …)."""
    asked = AuditEntry.objects.using(conn).filter(**narrowed).order_by("-id")
    if search:
        asked = asked.filter(Q(staff_name__icontains=search) | Q(action__icontains=search) | Q(object=search))
    return await asked.page(size, after=after)


async def history_of(conn: Connection, *objects: str, size: int = 20) -> list[AuditEntry]:
    """The last that was done to one object, or to several that belong together, newest first."""
    return await AuditEntry.objects.using(conn).filter(object__in=objects).order_by("-id")[:size]


async def check_chain(conn: Connection, newest: int | None = None) -> Chain:
    """Look at every entry, or at the `newest` ones: as written, and in one row with its neighbours.

    Entries that were cut off at the end leave a whole chain; only a number and head that were noted elsewhere tell.
    """
    before = await _before(conn, newest)
    last, head = (before.id, bytes(before.hash)) if before else (0, hashlib.sha256(b"").digest())
    first, broken_at = last + 1, None
    while broken_at is None:
        row = await conn.fetch_one(CHECK, {"id": last, "hash": head, "batch": BATCH})
        assert row is not None
        if not row.entries:
            break
        last, head, broken_at = row.last, bytes(row.head), row.broken_at
    return Chain(first, last, head.hex(), broken_at)


async def _before(conn: Connection, newest: int | None) -> AuditEntry | None:
    if newest is None:
        return None
    found = await AuditEntry.objects.using(conn).order_by("-id")[newest : newest + 1]
    return found[0] if found else None
