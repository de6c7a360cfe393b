"""Beginning, changing and ending sessions. A revocation is told to every process by NOTIFY, in the same transaction."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any, Final

from shop.accounts.security.models import Origin
from shop.accounts.sessions.models import CUSTOMERS, DAY, Realm, idle_of
from shop.accounts.sessions.queries import record_of, spoken
from shop.db import Connection
from shop.session_record import NewSession, SessionRecord

USE: Final = "last_seen_at = now()"
# Single fields of the document are set and removed by operators of jsonb.
FIELDS: Final = "fields = (s.fields - %(removed)s::text[]) || %(changed)s::jsonb, version = s.version + 1"
EXPIRY: Final = (
    "idle_seconds = %(idle)s, until_browser_closes = %(browser)s, last_seen_at = now(), version = s.version + 1"
)
# Changed in the words of `queries`, and read with its account (UPDATE … FROM … RETURNING).
CHANGE: Final = """
UPDATE {sessions} s SET {what} FROM {accounts} a
WHERE a.id = s.account_id AND s.id_hash = %(id_hash)s AND {is_live} RETURNING {columns}
"""
# Written and read with its account in one trip (an INSERT feeding a SELECT).
START: Final = """
WITH s AS (
    INSERT INTO {sessions} (id_hash, account_id, idle_seconds, until_browser_closes, expires_at, network, device)
    VALUES (%(id_hash)s, %(account_id)s, %(idle)s, %(browser)s,
        now() + %(longest)s * interval '1 second', %(network)s, %(device)s)
    RETURNING *
)
SELECT {columns} FROM s JOIN {accounts} a ON a.id = s.account_id
"""
# The earliest of three times, by the server's clock.
SWEEP: Final = """
DELETE FROM {sessions} WHERE account_id = %(account_id)s
    AND least(revoked_at, expires_at, last_seen_at + idle_seconds * interval '1 second') < now() - %(kept)s * interval '1 second'
"""
# Whatever ends is told to every process in the same statement (pg_notify).
REVOCATION: Final = """
WITH gone AS (UPDATE {sessions} SET revoked_at = now() WHERE revoked_at IS NULL AND {which} RETURNING id_hash)
SELECT id_hash, pg_notify(%(channel)s, encode(id_hash, 'hex')) FROM gone
"""


async def start(
    conn: Connection,
    account_id: int,
    *,
    expiry: int | None,
    origin: Origin,
    replaces: bytes | None = None,
    realm: Realm = CUSTOMERS,
) -> NewSession:
    """Begin a session with a new id; the one it `replaces` (by id hash) ends in the same transaction.

    `expiry` is n idle seconds, 0 until the browser closes, None the shop's thirty days.
    """
    if replaces is not None:
        await revoke(conn, replaces, realm)
    await conn.execute(spoken(SWEEP, realm), {"account_id": account_id, "kept": DAY})
    secret = secrets.token_urlsafe(32)
    idle, browser = idle_of(expiry, realm)
    row = await conn.fetch_one(
        spoken(START, realm),
        {
            "id_hash": hashlib.sha256(secret.encode()).digest(),
            "account_id": account_id,
            "idle": idle,
            "browser": browser,
            "longest": realm.longest,
            "network": origin.network,
            "device": origin.device,
        },
    )
    record = record_of(row)
    return NewSession(f"{record.tag}.{secret}", record)


async def note_use(conn: Connection, id_hash: bytes, realm: Realm = CUSTOMERS) -> SessionRecord | None:
    """Prolong a session, which was used just now; None when it has ended meanwhile."""
    row = await conn.fetch_one(spoken(CHANGE, realm, what=USE), {"id_hash": id_hash})
    return None if row is None else replace(record_of(row), is_renewed=True)


async def change(
    conn: Connection, id_hash: bytes, changed: Mapping[str, Any], removed: Collection[str], realm: Realm = CUSTOMERS
) -> SessionRecord | None:
    """Set and remove single fields; None when the session has ended, which saving never undoes."""
    values = {"id_hash": id_hash, "changed": json.dumps(dict(changed)), "removed": list(removed)}
    row = await conn.fetch_one(spoken(CHANGE, realm, what=FIELDS), values)
    return None if row is None else record_of(row)


async def set_expiry(
    conn: Connection, id_hash: bytes, expiry: int | None, realm: Realm = CUSTOMERS
) -> SessionRecord | None:
    """Give a session another idle limit from now on; never a later absolute end."""
    idle, browser = idle_of(expiry, realm)
    row = await conn.fetch_one(
        spoken(CHANGE, realm, what=EXPIRY), {"id_hash": id_hash, "idle": idle, "browser": browser}
    )
    return None if row is None else record_of(row)


async def revoke(conn: Connection, id_hash: bytes, realm: Realm = CUSTOMERS) -> bool:
    """End one session for ever; whether it was still open."""
    return bool(await _revoke(conn, "id_hash = %(id_hash)s", {"id_hash": id_hash}, realm))


async def revoke_one(conn: Connection, account_id: int, session_id: int, realm: Realm = CUSTOMERS) -> bytes | None:
    """End one of the account's own sessions by its number in the list; its id hash, None when there is none of that number."""
    values = {"account_id": account_id, "id": session_id}
    ended = await _revoke(conn, "account_id = %(account_id)s AND id = %(id)s", values, realm)
    return ended[0] if ended else None


async def revoke_others(conn: Connection, account_id: int, keep: bytes, realm: Realm = CUSTOMERS) -> int:
    """End all sessions of the account but the one with this id hash; how many that were."""
    values = {"account_id": account_id, "keep": keep}
    return len(await _revoke(conn, "account_id = %(account_id)s AND id_hash <> %(keep)s", values, realm))


async def revoke_all(conn: Connection, account_id: int, realm: Realm = CUSTOMERS) -> int:
    """End every session of the account: after a reset, an erasure, a theft."""
    return len(await _revoke(conn, "account_id = %(account_id)s", {"account_id": account_id}, realm))


async def _revoke(conn: Connection, which: str, values: Mapping[str, Any], realm: Realm) -> list[bytes]:
    rows = await conn.fetch_all(spoken(REVOCATION, realm, which=which), {**values, "channel": realm.channel})
    return [bytes(row.id_hash) for row in rows]
