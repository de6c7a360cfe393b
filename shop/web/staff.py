"""Who of the staff stands behind a request, and what they may do. The row in PostgreSQL is asked on every page."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple

from aiohttp import web

from shop.web.known_devices import STAFF_DEVICE, device_owner
from shop.web.sessions import STAFF_SESSIONS
from shop.web.visitor import FRESH_SECONDS


class Permission(StrEnum):
    """What a role may allow; DESK alone (one's own start page, password, sign-out) comes with being staff."""

    DESK = "desk"
    CATALOGUE = "catalogue"
    ORDERS = "orders"
    CUSTOMERS = "customers"
    CONTENT = "content"
    SETTINGS = "settings"
    REPORTS = "reports"
    STAFF = "staff"


GRANTED: Final = tuple(permission for permission in Permission if permission is not Permission.DESK)


class Staff(NamedTuple):
    """One of the staff, signed in with both factors."""

    staff_id: int
    name: str
    permissions: frozenset[str]
    session_id_hash: bytes
    signed_in_at: datetime

    @property
    def is_fresh(self) -> bool:
        """Whether both factors were given in the last ten minutes."""
        return datetime.now(UTC) - self.signed_in_at <= timedelta(seconds=FRESH_SECONDS)

    def may(self, permission: str) -> bool:
        """Whether their role allows it."""
        return permission == Permission.DESK or permission in self.permissions


async def staff_of(request: web.Request) -> Staff | None:
    """Who of the staff is signed in, None for everybody else, customers included. Raises DbError while PostgreSQL is away."""
    record = await request.app[STAFF_SESSIONS].record(request)
    if record is None:
        return None
    return Staff(record.account_id, record.name, record.permissions, record.id_hash, record.signed_in_at)


async def last_seen_staff(request: web.Request) -> int | None:
    """Who of the staff was signed in with this browser last: by the session that has ended, else by the browser's mark.

    It opens nothing: it only says whose a form is that comes too late. Raises DbError while PostgreSQL is away.
    """
    owner = await request.app[STAFF_SESSIONS].owner(request)
    return owner if owner is not None else device_owner(request, STAFF_DEVICE)


async def signed_in_staff(request: web.Request) -> Staff:
    """The same behind a `staff_only` door, where there always is somebody."""
    staff = await staff_of(request)
    if staff is None:
        raise web.HTTPForbidden
    return staff
