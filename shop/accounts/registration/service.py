"""Registering and activating. What is answered and what it costs is the same whether or not the e-mail address is known."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from shop import outbox
from shop.accounts.models import Account, PendingRegistration, ReservedUsername, UsernameTaken, identity_key
from shop.accounts.queries import account_by_id, pending_registration
from shop.accounts.security.models import Kind, Origin
from shop.accounts.security.service import record
from shop.accounts.service import forget_pending
from shop.db import Connection, Now
from shop.passwords import NO_PASSWORD
from shop.tokens import LinkInvalid, Tokens

MAIL: Final = "tasks.mail.send_activation"
ACTIVATION: Final = "activation"
ACTIVATION_SECONDS: Final = 24 * 3600
# A link works for a day and can be had again; what nobody confirms in this time is forgotten.
PENDING_DAYS: Final = 30
PENDING_AT_MOST: Final = 3
# Names that would let their bearer speak for the shop; asked for, they are taken.
OFFICIAL: Final = frozenset(
    [
        "admin",
        "administrator",
        "root",
        "system",
        "staff",
        "support",
        "help",
        "info",
        "shop",
        "service",
        "security",
        "moderator",
        "official",
        "bayberry",
        "dailyfresh",
        "daily.fresh",
        "postmaster",
        "webmaster",
        "noreply",
        "客服",
        "管理员",
        "官方",
        "系统",
        "天天生鲜",
    ]
)

# One trip whether or not the address is known; get_or_create takes one more where it is, and that can be measured.
# An address has one account, whoever types it and how often; until it is confirmed the row holds a place and no password.
ADMIT = """
    INSERT INTO accounts AS known (username, username_key, email, email_key, password_hash, language)
    VALUES (%(username)s, %(username_key)s, %(email)s, %(email_key)s, %(nothing)s, %(language)s)
    ON CONFLICT (email_key) DO UPDATE SET email_key = known.email_key
    RETURNING id, activated_at IS NOT NULL AS is_known"""

# One statement with two questions in it, for it runs at the same cost for known and unknown addresses: for an open account, what
# was just kept goes at once.
TRIM = """
    DELETE FROM pending_registrations WHERE account_id = %(id)s AND (
        (SELECT activated_at FROM accounts WHERE id = %(id)s) IS NOT NULL
        OR id NOT IN (SELECT id FROM pending_registrations WHERE account_id = %(id)s ORDER BY id DESC LIMIT %(at_most)s))"""

# What is written comes from another table (UPDATE … FROM), and only if it is still there.
ACTIVATE = """
    UPDATE accounts AS a SET username = p.username, username_key = p.username_key, password_hash = p.password_hash,
        language = p.language, terms_accepted_at = p.terms_accepted_at, password_changed_at = now(), activated_at = now(),
        link_serial = link_serial + 1
    FROM pending_registrations p
    WHERE p.id = %(registration)s AND a.id = p.account_id AND a.activated_at IS NULL AND a.erased_at IS NULL"""


class AlreadyActive(LinkInvalid):
    """The address is confirmed: this link did its work before, or another one did."""


async def register(
    conn: Connection, *, username: str, email: str, password_hash: str, language: str, origin: Origin
) -> None:
    """Make an account and promise the mail that activates it; a known address gets another mail, and nobody is told.

    Raises UsernameTaken, for user names are public.
    """
    key = identity_key(username)
    if key in OFFICIAL or not (await ReservedUsername.objects.using(conn).get_or_create(username_key=key))[1]:
        raise UsernameTaken
    values = {"username": username, "username_key": key, "language": language}
    owner = {"email": email, "email_key": identity_key(email), "nothing": NO_PASSWORD}
    admitted = await conn.fetch_one(ADMIT, {**values, **owner})
    assert admitted is not None
    # security: each registration keeps its own password, and only its own mail brings it into force. Somebody who registers
    # another's address before or after its owner does cannot choose the password that the owner activates.
    pending = PendingRegistration.objects.using(conn)
    kept = await pending.create(**values, account_id=admitted.id, password_hash=password_hash, terms_accepted_at=Now())
    await conn.execute(TRIM, {"id": admitted.id, "at_most": PENDING_AT_MOST})
    old = pending.filter(created_at__lt=Now() - timedelta(days=PENDING_DAYS)).order_by("created_at")
    await pending.filter(id__in=old.select_for_update(skip_locked=True)[:20]).delete()
    kind = Kind.REGISTERED_AGAIN if admitted.is_known else Kind.REGISTERED
    await record(conn, admitted.id, kind, origin)
    if admitted.is_known:
        await outbox.promise(conn, "tasks.mail.send_already_registered", account_id=admitted.id)
    else:
        await outbox.promise(conn, MAIL, registration_id=kept.id)


async def promise_activation_again(conn: Connection, email: str) -> None:
    """Promise a mail to each registration that waits at an address; where fewer or none do, the rest is promised to nobody."""
    unopened = {"account__activated_at": None, "account__erased_at": None}
    asked = PendingRegistration.objects.using(conn).filter(account__email_key=identity_key(email), **unopened)
    waiting = await asked.order_by("-id").values_list("id", flat=True)[:PENDING_AT_MOST]
    padded = [*waiting, *[None] * (PENDING_AT_MOST - len(waiting))]
    await outbox.promise_all(conn, [(MAIL, {"registration_id": registration_id}) for registration_id in padded])


def activation_token(tokens: Tokens, registration: PendingRegistration) -> str:
    """What the link in the mail of one registration carries; it opens the account with what was typed there, or not at all."""
    return tokens.sign(ACTIVATION, [registration.account_id, registration.id])


async def registration_to_activate(conn: Connection, tokens: Tokens, token: str) -> PendingRegistration:
    """The registration an activation link is for; raises LinkExpired, AlreadyActive or LinkInvalid."""
    account_id, registration_id = tokens.read(ACTIVATION, token, ACTIVATION_SECONDS)
    account = await account_by_id(conn, account_id)
    if account is not None and account.is_active:
        raise AlreadyActive
    registration = await pending_registration(conn, registration_id)
    if (
        account is None
        or account.erased_at is not None
        or registration is None
        or registration.account_id != account.id
    ):
        raise LinkInvalid
    return registration


async def activate(conn: Connection, registration: PendingRegistration, origin: Origin) -> Account:
    """Open the account as registered and void all other registrations; of two clicks at once the second raises AlreadyActive."""
    if not await conn.execute(ACTIVATE, {"registration": registration.id}):
        raise AlreadyActive
    await forget_pending(conn, registration.account_id)
    await record(conn, registration.account_id, Kind.ACTIVATED, origin)
    account = await account_by_id(conn, registration.account_id)
    assert account is not None
    return account
