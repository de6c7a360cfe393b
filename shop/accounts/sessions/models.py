"""One signed-in browser."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ForeignKey, Identity, Index, func, text

from shop.db import Model, column

DAY: Final = 86_400
# Seconds without use after which a session ends: "remember me", and until the browser closes (which nobody tells us).
REMEMBERED_IDLE: Final = 30 * DAY
BROWSER_IDLE: Final = DAY
# However busy it is, a session ends this many seconds after sign-in.
LONGEST: Final = 90 * DAY
# Use is written down at most this often, seconds.
NOTED_EVERY: Final = 300
# Revocations younger than this are known to every process: longer than any copy is believed, seconds.
REMEMBERED_REVOCATIONS: Final = 900
REVOKED_CHANNEL: Final = "sessions_revoked"


class SignedInSession(Model):
    """The authority on one session; the secret itself is only in the browser, here stands its SHA-256."""

    __tablename__ = "sessions"
    __table_args__ = (
        Index("sessions_by_account", "account_id"),
        Index("sessions_revoked", "revoked_at", postgresql_where=text("revoked_at IS NOT NULL")),
    )

    id: int = column(Identity(always=True), primary_key=True)
    id_hash: bytes = column(unique=True)
    account_id: int = column(ForeignKey("accounts.id", ondelete="CASCADE"))
    created_at: datetime = column(server_default=func.now())
    signed_in_at: datetime = column(server_default=func.now())
    last_seen_at: datetime = column(server_default=func.now())
    idle_seconds: int = column()
    until_browser_closes: bool = column()
    expires_at: datetime = column()
    revoked_at: datetime | None = column()
    network: str = column(server_default="")
    device: str = column(server_default="")
    version: int = column(server_default=text("1"))
    fields: dict[str, Any] = column(server_default=text("'{}'"))


@dataclass(frozen=True, slots=True)
class Realm:
    """One kind of people who sign in, kept apart from all others: their tables, who of them may enter, and for how long (seconds).

    `accounts` is the table of the people, aliased `a`; `name`, `permissions` and `may_enter` are SQL about one of them.
    """

    sessions: str
    accounts: str
    name: str
    permissions: str
    may_enter: str
    channel: str
    remembered_idle: int
    browser_idle: int
    longest: int

    @property
    def words(self) -> dict[str, str]:
        """What statements call by name, as `{sessions}`."""
        names = ("sessions", "accounts", "name", "permissions", "may_enter")
        return {name: getattr(self, name) for name in names}


CUSTOMERS: Final = Realm(
    sessions="sessions",
    accounts="accounts",
    name="a.username",
    permissions="'[]'::jsonb",
    may_enter="a.activated_at IS NOT NULL AND a.erased_at IS NULL AND a.deactivated_at IS NULL",
    channel=REVOKED_CHANNEL,
    remembered_idle=REMEMBERED_IDLE,
    browser_idle=BROWSER_IDLE,
    longest=LONGEST,
)


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A session as its owner sees it in the list."""

    id: int
    id_hash: bytes
    device: str
    network: str
    created_at: datetime
    last_seen_at: datetime


def idle_of(expiry: int | None, realm: Realm = CUSTOMERS) -> tuple[int, bool]:
    """(idle seconds, whether until the browser closes) of an expiry: n seconds, 0 = browser, None = the default."""
    if expiry is None:
        return realm.remembered_idle, False
    return (min(expiry, realm.longest), False) if expiry > 0 else (realm.browser_idle, True)
