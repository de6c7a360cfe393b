"""What can be told about sessions. All expiry is judged by the database's clock."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from shop.accounts.sessions.models import CUSTOMERS, NOTED_EVERY, REMEMBERED_REVOCATIONS, OpenSession, Realm
from shop.db import Connection
from shop.session_record import SessionRecord

# When a session ends is arithmetic of times by the server's clock, and it is said once for all that ask and change.
ENDS_AT: Final = "least(s.last_seen_at + s.idle_seconds * interval '1 second', s.expires_at)"


async def live_session(conn: Connection, id_hash: bytes, realm: Realm = CUSTOMERS) -> tuple[SessionRecord, bool] | None:
    """The session and whether its use is due to be written down; None when it has ended or never was."""
    row = await conn.fetch_one(_live(realm), {"id_hash": id_hash})
    return None if row is None else (record_of(row), row.is_due)


async def owner_of(conn: Connection, id_hash: bytes, realm: Realm = CUSTOMERS) -> int | None:
    """Whose session it is or was; ended ones are kept for a day and longer."""
    owner: int | None = await conn.fetch_value(_owner(realm), {"id_hash": id_hash})
    return owner


async def open_sessions(conn: Connection, account_id: int, realm: Realm = CUSTOMERS) -> list[OpenSession]:
    """Where an account is signed in, used last first."""
    rows = await conn.fetch_all(_open(realm), {"account_id": account_id})
    return [
        OpenSession(row.id, bytes(row.id_hash), row.device, row.network, row.created_at, row.last_seen_at)
        for row in rows
    ]


async def revoked_lately(conn: Connection, realm: Realm = CUSTOMERS) -> list[bytes]:
    """The id hashes revoked within the time for which any copy could still be believed."""
    rows = await conn.fetch_all(_revoked(realm), {"seconds": REMEMBERED_REVOCATIONS})
    return [bytes(row.id_hash) for row in rows]


@cache
def is_live(realm: Realm) -> str:
    """The condition under which a session `s` of an account `a` opens anything."""
    return f"s.revoked_at IS NULL AND now() < {ENDS_AT} AND {realm.may_enter}"


@cache
def columns(realm: Realm) -> str:
    """What `record_of` reads of a session `s` and its account `a`."""
    return (
        f"s.id_hash, s.account_id, {realm.name} AS name, a.tag, s.signed_in_at, {ENDS_AT} AS ends_at, s.idle_seconds,"
        f" s.until_browser_closes, s.version, s.fields, {realm.permissions} AS permissions"
    )


# A short idle limit has to be prolonged more often than every five minutes.
@cache
def _live(realm: Realm) -> str:
    due = f"s.last_seen_at < now() - least({NOTED_EVERY}, s.idle_seconds / 4.0) * interval '1 second' AS is_due"
    # On every signed-in request that Redis does not answer; measured by tests/bench/pages.py.
    return f"SELECT {columns(realm)}, {due} FROM {_joined(realm)} WHERE s.id_hash = %(id_hash)s AND {is_live(realm)}"  # noqa: S608


@cache
def _owner(realm: Realm) -> str:
    # Of whichever table the realm names.
    return f"SELECT account_id FROM {realm.sessions} WHERE id_hash = %(id_hash)s"  # noqa: S608


@cache
def _open(realm: Realm) -> str:
    # Only live ones, in the words above.
    return (
        f"SELECT s.id, s.id_hash, s.device, s.network, s.created_at, s.last_seen_at FROM {_joined(realm)}"  # noqa: S608
        f" WHERE s.account_id = %(account_id)s AND {is_live(realm)} ORDER BY s.last_seen_at DESC, s.id DESC"
    )


@cache
def _revoked(realm: Realm) -> str:
    # Of whichever table the realm names.
    return f"SELECT id_hash FROM {realm.sessions} WHERE revoked_at > now() - %(seconds)s * interval '1 second'"  # noqa: S608


def _joined(realm: Realm) -> str:
    return f"{realm.sessions} s JOIN {realm.accounts} a ON a.id = s.account_id"


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
