"""What can be told about sessions. All expiry is judged by the database's clock."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from shop.accounts.sessions.models import NOTED_EVERY, REMEMBERED_REVOCATIONS, OpenSession, SignedInSession
from shop.db import Connection, Now
from shop.session_record import SessionRecord

# When a session ends is arithmetic of times by the server's clock, and it is said once for all that ask and change.
ENDS_AT: Final = "least(s.last_seen_at + s.idle_seconds * interval '1 second', s.expires_at)"
IS_LIVE: Final = f"s.revoked_at IS NULL AND now() < {ENDS_AT} AND a.activated_at IS NOT NULL AND a.erased_at IS NULL"
COLUMNS: Final = (
    f"s.id_hash, s.account_id, a.username AS name, a.tag, s.signed_in_at, {ENDS_AT} AS ends_at,"
    " s.idle_seconds, s.until_browser_closes, s.version, s.fields"
)

# On every signed-in request that Redis does not answer; measured by tests/bench/pages.py.
# A short idle limit has to be prolonged more often than every five minutes.
_LIVE: Final = (
    f"SELECT {COLUMNS}, s.last_seen_at < now() - least({NOTED_EVERY}, s.idle_seconds / 4.0) * interval '1 second' AS is_due"  # noqa: S608
    f" FROM sessions s JOIN accounts a ON a.id = s.account_id WHERE s.id_hash = %(id_hash)s AND {IS_LIVE}"
)
# Only live ones, in the words above.
_OPEN: Final = (
    "SELECT s.id, s.id_hash, s.device, s.network, s.created_at, s.last_seen_at"  # noqa: S608
    " FROM sessions s JOIN accounts a ON a.id = s.account_id"
    f" WHERE s.account_id = %(account_id)s AND {IS_LIVE} ORDER BY s.last_seen_at DESC, s.id DESC"
)


async def live_session(conn: Connection, id_hash: bytes) -> tuple[SessionRecord, bool] | None:
    """The session and whether its use is due to be written down; None when it has ended or never was."""
    row = await conn.fetch_one(_LIVE, {"id_hash": id_hash})
    return None if row is None else (record_of(row), row.is_due)


async def open_sessions(conn: Connection, account_id: int) -> list[OpenSession]:
    """Where an account is signed in, used last first."""
    rows = await conn.fetch_all(_OPEN, {"account_id": account_id})
    return [
        OpenSession(row.id, bytes(row.id_hash), row.device, row.network, row.created_at, row.last_seen_at)
        for row in rows
    ]


async def revoked_lately(conn: Connection) -> list[bytes]:
    """The id hashes revoked within the time for which any copy could still be believed."""
    since = Now() - timedelta(seconds=REMEMBERED_REVOCATIONS)
    return await SignedInSession.objects.using(conn).filter(revoked_at__gt=since).values_list("id_hash", flat=True)


def record_of(row: Any) -> SessionRecord:
    """The record in a row of COLUMNS."""
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
    )
