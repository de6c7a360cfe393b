"""Telling who of the staff somebody is, and letting them in once both factors are right."""

from __future__ import annotations

from typing import Final

from shop.accounts.security.models import Origin
from shop.accounts.sessions import service as sessions
from shop.backoffice.audit import service as audit
from shop.backoffice.audit.models import Actor
from shop.backoffice.staff.models import SESSIONS, StaffMember
from shop.db import Connection
from shop.limits import Limit
from shop.passwords import Passwords
from shop.session_record import NewSession

# The same numbers as for customers, in windows of their own.
PER_LOGIN: Final = Limit("staff.login", 10, 300)
PER_NETWORK: Final = Limit("staff.network", 10, 300)
PER_DEVICE: Final = Limit("staff.device", 10, 300)
CODE_LIMITS: Final = (
    Limit("staff.code.5min", 5, 300),
    Limit("staff.code.hour", 20, 3600),
    Limit("staff.code.day", 50, 86_400),
)
UNTIL_THE_BROWSER_CLOSES: Final = 0

# FOR SHARE: those who sign in at once need not wait for each other.
UNCHANGED: Final = """
    SELECT true FROM staff
    WHERE id = %(id)s AND password_hash = %(hash)s AND activated_at IS NOT NULL AND disabled_at IS NULL FOR SHARE"""


class WrongCredentials(Exception):
    """No such staff, or not their password, or no longer staff; which of them is nobody's business."""


class CredentialsChanged(Exception):
    """Between the check and the session the password changed or the access ended."""


async def authenticate(passwords: Passwords, member: StaffMember | None, password: str) -> StaffMember:
    """Check a password, at the same cost whether or not there is anybody; raises WrongCredentials and TooBusy."""
    is_known = member is not None and member.is_active
    verdict = await passwords.verify(password, member.password_hash if member is not None and is_known else None)
    if member is None or not verdict.is_right:
        raise WrongCredentials
    return member


async def start(
    conn: Connection, member: StaffMember, actor: Actor, origin: Origin, *, replaces: bytes | None
) -> NewSession:
    """Begin a session, which ends the one it replaces (by id hash); raises CredentialsChanged."""
    # security: the lock makes disabling wait, so it ends this session too, or comes first and is seen here.
    if not await conn.fetch_value(UNCHANGED, {"id": member.id, "hash": member.password_hash}):
        raise CredentialsChanged
    started = await sessions.start(
        conn, member.id, expiry=UNTIL_THE_BROWSER_CLOSES, origin=origin, replaces=replaces, realm=SESSIONS
    )
    await audit.record(conn, actor, "staff.signed_in", f"staff:{member.id}")
    return started
