"""The second factor, its recovery codes, a change of address under way, and what happened to an account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ForeignKey, Identity, Index, func, text

from shop.db import Model, column
from shop.i18n import N_


class Kind(StrEnum):
    """What can happen to an account that its owner should know of."""

    REGISTERED = "registered"
    REGISTERED_AGAIN = "registered_again"
    ACTIVATED = "activated"
    SIGNED_IN = "signed_in"
    SIGN_IN_FAILED = "sign_in_failed"
    SIGNED_OUT = "signed_out"
    SESSIONS_ENDED = "sessions_ended"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105
    PASSWORD_RESET_ASKED = "password_reset_asked"  # noqa: S105
    PASSWORD_RESET = "password_reset"  # noqa: S105
    EMAIL_CHANGE_ASKED = "email_change_asked"
    EMAIL_CHANGED = "email_changed"
    SECOND_FACTOR_ON = "second_factor_on"
    SECOND_FACTOR_OFF = "second_factor_off"
    RECOVERY_CODES_MADE = "recovery_codes_made"
    RECOVERY_CODE_USED = "recovery_code_used"
    DATA_EXPORTED = "data_exported"
    ERASED = "erased"


# What the owner is told by mail: what happened, and what that means.
NOTICES: Final[Mapping[Kind, tuple[str, str]]] = {
    Kind.PASSWORD_CHANGED: (
        N_("Your password was changed"),
        N_("On all other devices you have been signed out."),
    ),
    Kind.PASSWORD_RESET: (
        N_("Your password was set anew"),
        N_("Somebody used the link we sent to this address. On all devices you have been signed out."),
    ),
    Kind.EMAIL_CHANGE_ASKED: (
        N_("Your e-mail address is to be changed"),
        N_(
            "Somebody signed in to your account wants mails to go to another address. That address has to confirm it first."
        ),
    ),
    Kind.SECOND_FACTOR_ON: (
        N_("Your second factor is on"),
        N_("Signing in now asks for a code from your authenticator app."),
    ),
    Kind.SECOND_FACTOR_OFF: (
        N_("Your second factor is off"),
        N_("Your password alone opens your account again."),
    ),
    Kind.RECOVERY_CODE_USED: (
        N_("A recovery code was used"),
        N_("Somebody signed in with one of your recovery codes; it is worth nothing any more."),
    ),
}


@dataclass(frozen=True, slots=True)
class Origin:
    """From where something was done: a network, coarse on purpose, and a device in a few words."""

    network: str = ""
    device: str = ""


class SecurityEvent(Model):
    """One line of the record the owner can read; never changed, and fields stand in it by name, not by value."""

    __tablename__ = "security_events"
    __table_args__ = (Index("security_events_by_account", "account_id", "id"),)

    id: int = column(Identity(always=True), primary_key=True)
    account_id: int | None = column(ForeignKey("accounts.id"))
    kind: Kind = column()
    at: datetime = column(server_default=func.now())
    network: str = column(server_default="")
    device: str = column(server_default="")
    details: dict[str, Any] = column(server_default=text("'{}'"))


class SecondFactor(Model):
    """A secret shared with an authenticator app, sealed with the key ring; it counts once it was confirmed with a code."""

    __tablename__ = "second_factors"

    account_id: int = column(ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True)
    sealed_secret: bytes = column()
    last_step: int = column(server_default=text("0"))
    created_at: datetime = column(server_default=func.now())
    confirmed_at: datetime | None = column()


class RecoveryCode(Model):
    """One way in without the authenticator, good once; only its hash is kept."""

    __tablename__ = "recovery_codes"
    __table_args__ = (Index("recovery_codes_by_account", "account_id"),)

    id: int = column(Identity(always=True), primary_key=True)
    account_id: int = column(ForeignKey("accounts.id", ondelete="CASCADE"))
    code_hash: bytes = column()
    used_at: datetime | None = column()


class EmailChange(Model):
    """An address the owner wants to move to and has not confirmed yet; the newest wish replaces the one before."""

    __tablename__ = "email_changes"

    account_id: int = column(ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True)
    email: str = column()
    nonce: str = column()
    asked_at: datetime = column(server_default=func.now())
