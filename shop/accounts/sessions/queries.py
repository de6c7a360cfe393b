"""What can be told about sessions. All expiry is judged by the database's clock."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from shop.accounts.sessions.models import CUSTOMERS, NOTED_EVERY, REMEMBERED_REVOCATIONS, OpenSession, Realm
from shop.db import Connection
from shop.session_record import SessionRecord

# When a session ends is arithmetic of times by the server's clock, and it is said once for all that ask and change.
ENDS_AT: Final = "least(s.last_seen_at + s.idle_seconds * interval '1 second', s.expires_at)"
# What `record_of` reads of a session and its account.
COLUMNS: Final = (
    "s.id_hash, s.account_id, {name} AS name, a.tag, s.signed_in_at, {ends_at} AS ends_at, s.idle_seconds,"
    " s.until_browser_closes, s.version, s.fields, {permissions} AS permissions"
)
# The condition under which a session opens anything.
IS_LIVE: Final = "s.revoked_at IS NULL AND now() < {ends_at} AND {may_enter}"
JOINED: Final = "{sessions} s JOIN {accounts} a ON a.id = s.account_id"

# On every signed-in request that Redis does not answer; measured by tests/bench/pages.py. A short idle limit has to be
# prolonged more often than every five minutes.
LIVE: Final = """
SELECT {columns}, s.last_seen_at < now() - least({noted_every}, s.idle_seconds / 4.0) * interval '1 second' AS is_due
FROM {joined} WHERE s.id_hash = %(id_hash)s AND {is_live}
"""
# Of whichever table the realm names.
OWNER: Final = "SELECT account_id FROM {sessions} WHERE id_hash = %(id_hash)s"
# Only live ones, in the words above.
OPEN: Final = """
SELECT s.id, s.id_hash, s.device, s.network, s.created_at, s.last_seen_at FROM {joined}
WHERE s.account_id = %(account_id)s AND {is_live} ORDER BY s.last_seen_at DESC, s.id DESC
"""
# Of whichever table the realm names.
REVOKED: Final = "SELECT id_hash FROM {sessions} WHERE revoked_at > now() - %(seconds)s * interval '1 second'"


async def live_session(conn: Connection, id_hash: bytes, realm: Realm = CUSTOMERS) -> tuple[SessionRecord, bool] | None:
    """The session and whether its use is due to be written down; None when it has ended or never was."""
    row = await conn.fetch_one(spoken(LIVE, realm), {"id_hash": id_hash})
    return None if row is None else (record_of(row), row.is_due)


async def owner_of(conn: Connection, id_hash: bytes, realm: Realm = CUSTOMERS) -> int | None:
    """Whose session it is or was; ended ones are kept for a day and longer."""
    owner: int | None = await conn.fetch_value(spoken(OWNER, realm), {"id_hash": id_hash})
    return owner


async def open_sessions(conn: Connection, account_id: int, realm: Realm = CUSTOMERS) -> list[OpenSession]:
    """Where an account is signed in, used last first."""
    rows = await conn.fetch_all(spoken(OPEN, realm), {"account_id": account_id})
    return [
        OpenSession(row.id, bytes(row.id_hash), row.device, row.network, row.created_at, row.last_seen_at)
        for row in rows
    ]


async def revoked_lately(conn: Connection, realm: Realm = CUSTOMERS) -> list[bytes]:
    """The id hashes revoked within the time for which any copy could still be believed."""
    rows = await conn.fetch_all(spoken(REVOKED, realm), {"seconds": REMEMBERED_REVOCATIONS})
    return [bytes(row.id_hash) for row in rows]


@cache
def spoken(sql: str, realm: Realm, **more: str) -> str:
    """A statement of this folder about the tables of a realm, which are `s` and `a` in it.

    security: all of it is written in the source; what visitors send is bound, always.
    """
    words = {"ends_at": ENDS_AT, "noted_every": str(NOTED_EVERY), **realm.words, **more}
    joined, columns, is_live = (part.format_map(words) for part in (JOINED, COLUMNS, IS_LIVE))
    return sql.format_map({**words, "joined": joined, "columns": columns, "is_live": is_live})


def record_of(row: Any) -> SessionRecord:
    """The record in a row of `columns`."""
    return SessionRecord(
        id_hash=bytes(row.id_hash),
        account_id=row.account_id,
        name=row.name,
        tag=row.tag,
        signed_in_at=row.signed_in_at,
        ends_at=row.ends_at,
        idle_seconds=row.idle_seconds,
        until_browser_closes=row.until_browser_closes,
        version=row.version,
        fields=row.fields,
        permissions=frozenset(row.permissions),
    )
