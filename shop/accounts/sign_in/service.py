"""Telling who somebody is, and letting them in: two steps that know nothing of each other."""

from __future__ import annotations

import hashlib
from typing import Final

from shop.accounts.models import Account, PendingRegistration
from shop.accounts.queries import account_by_id
from shop.accounts.security.models import Kind, Origin
from shop.accounts.security.service import record
from shop.accounts.sessions import service as sessions
from shop.accounts.sessions.queries import live_session
from shop.db import Connection
from shop.limits import Limit
from shop.passwords import Passwords
from shop.session_record import NewSession

# Failures, as PyPI limits them; a device that signed in before has a window of its own, so nobody locks the owner out.
PER_LOGIN: Final = Limit("sign-in.login", 10, 300)
PER_NETWORK: Final = Limit("sign-in.network", 10, 300)
EVERYBODY: Final = Limit("sign-in.all", 1000, 300)
PER_DEVICE: Final = Limit("sign-in.device", 10, 300)

# FOR SHARE: two sign-ins of one account need not wait for each other; select_for_update would make them.
UNCHANGED = """
    SELECT true FROM accounts
    WHERE id = %(id)s AND password_hash = %(hash)s AND activated_at IS NOT NULL AND erased_at IS NULL
        AND deactivated_at IS NULL FOR SHARE"""


class WrongCredentials(Exception):
    """There is no such account, or the password is not its password; which of the two is nobody's business."""


class NotActivated(Exception):
    """The password is right, but the e-mail address was never confirmed."""


class CredentialsChanged(Exception):
    """Between the check and the session the password changed or the account closed."""


async def authenticate(
    passwords: Passwords, account: Account | None, waiting: PendingRegistration | None, password: str
) -> str | None:
    """Check a password, at the same cost whether or not there is an account; return a better hash to keep, if any.

    `waiting` is the registration of that name or address nobody has confirmed yet: its password opens nothing.

    Raises WrongCredentials, NotActivated, and TooBusy when too many passwords wait.
    """
    holder = account if account is not None and account.is_active else waiting
    verdict = await passwords.verify(password, holder.password_hash if holder else None)
    if not verdict.is_right:
        raise WrongCredentials
    if not isinstance(holder, Account):
        raise NotActivated
    return verdict.better_hash


async def login(
    conn: Connection, account: Account, origin: Origin, *, expiry: int | None, replaces: bytes | None
) -> NewSession:
    """Begin a session for an authenticated account and end the one it replaces (by id hash); raises CredentialsChanged.

    `expiry` is n idle seconds, 0 until the browser closes, None the shop's default.
    """
    # security: the lock makes a password reset wait, so it ends this session too, or comes first and is seen here.
    if not await conn.fetch_value(UNCHANGED, {"id": account.id, "hash": account.password_hash}):
        raise CredentialsChanged
    await record(conn, account.id, Kind.SIGNED_IN, origin)
    return await sessions.start(conn, account.id, expiry=expiry, origin=origin, replaces=replaces)


async def renew_session(conn: Connection, account: Account, origin: Origin, id_hash: bytes | None) -> NewSession:
    """End all sessions of an account and begin one that lasts as long as the one with this id hash would have."""
    found = await live_session(conn, id_hash) if id_hash else None
    expiry = 0 if found is None or found[0].until_browser_closes else found[0].idle_seconds
    await sessions.revoke_all(conn, account.id)
    return await sessions.start(conn, account.id, expiry=expiry, origin=origin)


async def keep_better_hash(conn: Connection, account: Account, better: str) -> Account:
    """Store the Argon2id hash of a password whose old hash came from elsewhere."""
    same = Account.objects.using(conn).filter(id=account.id, password_hash=account.password_hash)
    await same.update(password_hash=better)
    kept = await account_by_id(conn, account.id)
    assert kept is not None
    return kept


def state_of(account: Account) -> str:
    """A digest that changes with the password, for tickets between two steps of one sign-in."""
    return hashlib.sha256(f"{account.id}\0{account.password_hash}".encode()).hexdigest()[:32]
