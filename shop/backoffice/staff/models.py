"""Staff accounts: apart from customers in every table."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import ForeignKey, Identity, Index, func, text

from shop.accounts.sessions.models import Realm
from shop.backoffice.roles.models import Role
from shop.db import Model, column, to_one

MINUTE: Final = 60
HOUR: Final = 60 * MINUTE

SESSIONS: Final = Realm(
    sessions="staff_sessions",
    accounts="staff",
    name="a.name",
    permissions="(SELECT r.permissions FROM roles r WHERE r.id = a.role_id)",
    may_enter="a.activated_at IS NOT NULL AND a.disabled_at IS NULL",
    channel="staff_sessions_revoked",
    remembered_idle=30 * MINUTE,
    browser_idle=30 * MINUTE,
    longest=12 * HOUR,
)


class StaffMember(Model):
    """Somebody who works here; invited until they chose a password, and kept when disabled, because the log names them."""

    __tablename__ = "staff"
    __table_args__ = (Index("staff_by_role", "role_id"),)

    id: int = column(Identity(always=True), primary_key=True)
    tag: str = column(unique=True, server_default=text("replace(gen_random_uuid()::text, '-', '')"))
    name: str = column()
    email: str = column()
    email_key: str = column(unique=True)
    role_id: int = column(ForeignKey("roles.id"))
    role: Role = to_one("role_id")
    language: str = column(server_default="en")
    password_hash: str = column(server_default="!")
    # Links in mails carry the number they were written with; raising it kills every link that is out.
    link_serial: int = column(server_default=text("0"))
    version: int = column(server_default=text("1"))
    created_at: datetime = column(server_default=func.now())
    activated_at: datetime | None = column()
    disabled_at: datetime | None = column()

    @property
    def is_active(self) -> bool:
        """Whether they chose a password and may still come in."""
        return self.activated_at is not None and self.disabled_at is None


class StaffSession(Model):
    """One browser in which one of the staff is signed in."""

    __tablename__ = "staff_sessions"
    __table_args__ = (
        Index("staff_sessions_by_account", "account_id"),
        Index("staff_sessions_revoked", "revoked_at", postgresql_where=text("revoked_at IS NOT NULL")),
    )

    id: int = column(Identity(always=True), primary_key=True)
    id_hash: bytes = column(unique=True)
    account_id: int = column(ForeignKey("staff.id", ondelete="CASCADE"))
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


class StaffSecondFactor(Model):
    """The secret shared with the authenticator app of one of the staff, sealed; it counts once confirmed with a code."""

    __tablename__ = "staff_second_factors"

    account_id: int = column(ForeignKey("staff.id", ondelete="CASCADE"), primary_key=True)
    sealed_secret: bytes = column()
    last_step: int = column(server_default=text("0"))
    created_at: datetime = column(server_default=func.now())
    confirmed_at: datetime | None = column()


class StaffRecoveryCode(Model):
    """One way in without the authenticator, good once; only its hash is kept."""

    __tablename__ = "staff_recovery_codes"
    __table_args__ = (Index("staff_recovery_codes_by_account", "account_id"),)

    id: int = column(Identity(always=True), primary_key=True)
    account_id: int = column(ForeignKey("staff.id", ondelete="CASCADE"))
    code_hash: bytes = column()
    used_at: datetime | None = column()
