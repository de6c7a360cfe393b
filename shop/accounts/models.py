"""A customer's account, and the names that were given away."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime
from typing import Final

from sqlalchemy import ForeignKey, Identity, Index, func, text

from shop.db import Model, column, to_one

# ASCII after NFKC, so that what full-width keys type is an address and no two addresses look the same.
EMAIL: Final = r"[!#-'*+/-9=?A-Z^-~-]+(\.[!#-'*+/-9=?A-Z^-~-]+)*@([A-Za-z0-9-]+\.)+[A-Za-z][A-Za-z0-9-]*"
USERNAME: Final = r"\w[\w.\-]*"
SHORTEST_NAME: Final = 2
LONGEST_NAME: Final = 30


class UsernameTaken(Exception):
    """Somebody has, or has asked for, a user name that reads the same."""


class Account(Model):
    """One customer; a row stays after erasure, without a person in it, because orders point to it.

    Before the address is confirmed the row has no password (`!`), and its user name only holds the place: see PendingRegistration.
    """

    __tablename__ = "accounts"
    __table_args__ = (
        Index(
            "accounts_never_activated",
            "created_at",
            postgresql_where=text("activated_at IS NULL AND erased_at IS NULL AND deactivated_at IS NULL"),
        ),
    )

    id: int = column(Identity(always=True), primary_key=True)
    tag: str = column(unique=True, server_default=text("replace(gen_random_uuid()::text, '-', '')"))
    username: str = column()
    username_key: str = column(unique=True)
    email: str = column()
    email_key: str = column(unique=True)
    password_hash: str = column()
    language: str = column(server_default="en")
    terms_accepted_at: datetime | None = column()
    created_at: datetime = column(server_default=func.now())
    activated_at: datetime | None = column()
    password_changed_at: datetime = column(server_default=func.now())
    # Links in mails carry the number they were written with; raising it kills every link that is out.
    link_serial: int = column(server_default=text("0"))
    erased_at: datetime | None = column()
    deactivated_at: datetime | None = column()

    @property
    def is_active(self) -> bool:
        """Whether the owner of the e-mail address has confirmed it, still wants the account, and the shop has not closed it."""
        return self.activated_at is not None and self.erased_at is None and self.deactivated_at is None


class ReservedUsername(Model):
    """A user name somebody asked for, whether or not an account came of it.

    security: were names of refused registrations free again, asking twice would tell whether the e-mail was known.
    """

    __tablename__ = "reserved_usernames"

    username_key: str = column(primary_key=True)
    reserved_at: datetime = column(server_default=func.now())


class PendingRegistration(Model):
    """What somebody typed to register an address, until the mail of this very registration is answered, another one is, or it is too old.

    security: the address is not proven, so registrations of strangers and of its owner stand side by side; none can replace another.
    """

    __tablename__ = "pending_registrations"
    __table_args__ = (
        Index("pending_registrations_by_account", "account_id", "id"),
        Index("pending_registrations_by_age", "created_at"),
    )

    id: int = column(Identity(always=True), primary_key=True)
    account_id: int = column(ForeignKey("accounts.id", ondelete="CASCADE"))
    account: Account = to_one("account_id")
    username: str = column()
    username_key: str = column(unique=True)
    password_hash: str = column()
    language: str = column()
    terms_accepted_at: datetime | None = column()
    created_at: datetime = column(server_default=func.now())


def narrowed(text: str | None) -> str | None:
    """Text without spaces around it, and with full-width letters as plain ones."""
    return unicodedata.normalize("NFKC", text).strip() if text else text


def is_email(text: str) -> bool:
    """Whether text has the shape of an address; whether it exists, only a mail can tell."""
    return len(text) <= 254 and len(text.rpartition("@")[0]) <= 64 and re.fullmatch(EMAIL, text) is not None


def is_username(text: str) -> bool:
    """Whether text can be a user name."""
    return SHORTEST_NAME <= len(text) <= LONGEST_NAME and re.fullmatch(USERNAME, text) is not None


def identity_key(text: str) -> str:
    """The form in which two spellings of a user name or e-mail are the same one: NFKC and casefold."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()).strip()
