"""The authority on sessions as every process holds it: asks the rows, and listens for what was revoked elsewhere."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from typing import Any

import structlog

from shop.accounts.sessions import queries, service
from shop.accounts.sessions.models import CUSTOMERS, REMEMBERED_REVOCATIONS, Realm
from shop.db import Database, DbError
from shop.db.listen import Listener
from shop.session_record import SessionRecord

log = structlog.get_logger("shop.sessions")


class Authority:
    """Decides whether a session lives. Its methods raise DbError while PostgreSQL is away."""

    def __init__(self, db: Database, realm: Realm = CUSTOMERS) -> None:
        self._db = db
        self._realm = realm
        self._revoked: dict[bytes, float] = {}
        self._is_caught_up = False
        self._listener = Listener(db.listen_url, {realm.channel: self._heard}, self._catch_up)

    def start(self) -> None:
        """Begin to listen; until that succeeds no copy is believed."""
        self._listener.start()

    async def stop(self) -> None:
        """Stop listening."""
        await self._listener.stop()

    async def look_up(self, id_hash: bytes) -> SessionRecord | None:
        """The live session, its use written down when that is due."""
        async with self._db.read() as conn:
            found = await queries.live_session(conn, id_hash, self._realm)
        if found is None:
            return None
        record, is_due = found
        return await self._prolonged(record) if is_due else record

    async def owner(self, id_hash: bytes) -> int | None:
        """Whose session it is or was, as long as its row is kept."""
        async with self._db.read() as conn:
            return await queries.owner_of(conn, id_hash, self._realm)

    async def change(
        self, id_hash: bytes, changed: Mapping[str, Any], removed: Collection[str]
    ) -> SessionRecord | None:
        """Set and remove single fields of a live session."""
        async with self._db.transaction() as conn:
            return await service.change(conn, id_hash, changed, removed, self._realm)

    async def set_expiry(self, id_hash: bytes, value: int | None) -> SessionRecord | None:
        """Another idle limit for a live session, from now on."""
        async with self._db.transaction() as conn:
            return await service.set_expiry(conn, id_hash, value, self._realm)

    async def revoke(self, id_hash: bytes) -> None:
        """End a session for ever; this process knows at once, the others by NOTIFY."""
        async with self._db.transaction() as conn:
            await service.revoke(conn, id_hash, self._realm)
        self._note(id_hash)

    def believes(self, id_hash: bytes) -> bool:
        """security: only while we would have heard of a revocation."""
        return self._listener.is_connected and self._is_caught_up and id_hash not in self._revoked

    async def _catch_up(self) -> None:
        """Listening has begun (again): read what was revoked while nobody listened, and only then trust copies."""
        self._is_caught_up = False
        async with self._db.read() as conn:
            for id_hash in await queries.revoked_lately(conn, self._realm):
                self._note(id_hash)
        self._is_caught_up = True

    def _heard(self, payload: str) -> None:
        try:
            self._note(bytes.fromhex(payload))
        except ValueError:
            log.warning("notification without an id hash")

    async def _prolonged(self, record: SessionRecord) -> SessionRecord | None:
        try:
            async with self._db.transaction() as conn:
                return await service.note_use(conn, record.id_hash, self._realm)
        except DbError:  # a server in maintenance takes no writes; the visitor stays signed in all the same
            return record

    def _note(self, id_hash: bytes) -> None:
        now = time.monotonic()
        self._revoked[id_hash] = now
        while (oldest := next(iter(self._revoked))) != id_hash and self._revoked[oldest] < now - REMEMBERED_REVOCATIONS:
            del self._revoked[oldest]
