"""Telling and forgetting everything about a person, and the chapters of the account itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from uuid import uuid4

from shop import outbox
from shop.accounts.addresses.models import Address
from shop.accounts.addresses.queries import addresses_of
from shop.accounts.models import Account, PendingRegistration, ReservedUsername
from shop.accounts.personal_data.models import Chapter
from shop.accounts.security.models import EmailChange, Kind, Origin, RecoveryCode, SecondFactor
from shop.accounts.security.queries import events_of
from shop.accounts.security.second_factor.service import CUSTOMERS as SECOND_FACTORS
from shop.accounts.security.service import record
from shop.accounts.sessions.models import SignedInSession
from shop.accounts.sessions.queries import open_sessions
from shop.accounts.sessions.service import revoke_all
from shop.db import Connection, F, Now
from shop.passwords import NO_PASSWORD

ADDRESS_FIELDS: Final = (
    "receiver",
    "phone",
    "country",
    "province",
    "city",
    "district",
    "street",
    "postcode",
    "is_default",
)
EVERY_EVENT: Final = 10_000

FORGOTTEN: Final = (EmailChange, RecoveryCode, SecondFactor, PendingRegistration)


async def tell_everything(
    conn: Connection, account: Account, chapters: Sequence[Chapter], origin: Origin
) -> dict[str, Any]:
    """Everything known about a person, chapter by chapter."""
    await record(conn, account.id, Kind.DATA_EXPORTED, origin)
    return {chapter.name: await chapter.tell(conn, account) for chapter in chapters}


async def forget_everything(conn: Connection, account: Account, chapters: Sequence[Chapter], origin: Origin) -> None:
    """Let every feature forget the person, and promise a last mail to an address that is no longer known afterwards."""
    await record(conn, account.id, Kind.ERASED, origin)
    last_words = {"email": account.email, "name": account.username, "language": account.language}
    await outbox.promise(conn, "tasks.mail.send_goodbye", **last_words)
    for chapter in chapters:
        await chapter.forget(conn, account)


async def _tell_account(conn: Connection, account: Account) -> dict[str, Any]:
    names = ("username", "email", "language", "created_at", "activated_at", "terms_accepted_at", "password_changed_at")
    told = {name: getattr(account, name) for name in names}
    return told | {"second_factor": await SECOND_FACTORS.is_on(conn, account.id)}


async def _forget_account(conn: Connection, account: Account) -> None:
    """The row stays, for orders point to it; the person goes. Its keys cannot be typed by anybody, for they hold a space."""
    for secret in FORGOTTEN:
        await secret.objects.using(conn).filter(account_id=account.id).delete()
    await ReservedUsername.objects.using(conn).filter(username_key=account.username_key).delete()
    await (
        Account.objects.using(conn)
        .filter(id=account.id)
        .update(
            username="",
            username_key=f"erased {account.id}",
            email="",
            email_key=f"erased {account.id}",
            password_hash=NO_PASSWORD,
            erased_at=Now(),
            link_serial=F("link_serial") + 1,
            terms_accepted_at=None,
            tag=uuid4().hex,
        )
    )


async def _tell_addresses(conn: Connection, account: Account) -> list[dict[str, Any]]:
    return [
        {name: getattr(address, name) for name in ADDRESS_FIELDS} for address in await addresses_of(conn, account.id)
    ]


async def _forget_addresses(conn: Connection, account: Account) -> None:
    await Address.objects.using(conn).filter(account_id=account.id).delete()


async def _tell_sessions(conn: Connection, account: Account) -> list[dict[str, Any]]:
    names = ("device", "network", "created_at", "last_seen_at")
    return [{name: getattr(open_, name) for name in names} for open_ in await open_sessions(conn, account.id)]


async def _forget_sessions(conn: Connection, account: Account) -> None:
    await revoke_all(conn, account.id)
    await SignedInSession.objects.using(conn).filter(account_id=account.id).update(network="", device="", fields={})


async def _tell_events(conn: Connection, account: Account) -> list[dict[str, Any]]:
    names = ("kind", "at", "network", "device")
    events = await events_of(conn, account.id, EVERY_EVENT)
    return [{name: getattr(event, name) for name in names} for event in events]


async def _forget_nothing(conn: Connection, account: Account) -> None:
    """The record cannot be changed; without the account it tells of nobody, for its networks are coarse."""


# The account itself last: others still need to know whose things they forget.
CHAPTERS: Final = (
    Chapter("addresses", _tell_addresses, _forget_addresses),
    Chapter("sessions", _tell_sessions, _forget_sessions),
    Chapter("security_record", _tell_events, _forget_nothing),
    Chapter("account", _tell_account, _forget_account),
)
