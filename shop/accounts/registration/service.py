"""Registering and activating. What is answered and what it costs is the same whether or not the e-mail address is known."""

from __future__ import annotations

from typing import Final

from shop.accounts.models import Account, UsernameTaken, identity_key
from shop.accounts.queries import account_by_id
from shop.accounts.security.models import Kind, Origin
from shop.accounts.security.service import record
from shop.db import Connection, outbox
from shop.tokens import LinkInvalid, Tokens

ACTIVATION: Final = "activation"
ACTIVATION_SECONDS: Final = 24 * 3600
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

RESERVE = """
    INSERT INTO reserved_usernames (username_key) VALUES (%(key)s) ON CONFLICT DO NOTHING"""

# One statement for known and unknown addresses. Until an address is confirmed the newest registration counts: whoever registers somebody
# else's address first must not choose the password that its owner later activates.
ADMIT = """
    INSERT INTO accounts AS known (username, username_key, email, email_key, password_hash, language, terms_accepted_at)
    VALUES (%(username)s, %(username_key)s, %(email)s, %(email_key)s, %(password_hash)s, %(language)s, now())
    ON CONFLICT (email_key) DO UPDATE SET
        username = CASE WHEN known.activated_at IS NULL THEN excluded.username ELSE known.username END,
        username_key = CASE WHEN known.activated_at IS NULL THEN excluded.username_key ELSE known.username_key END,
        password_hash = CASE WHEN known.activated_at IS NULL THEN excluded.password_hash ELSE known.password_hash END,
        language = CASE WHEN known.activated_at IS NULL THEN excluded.language ELSE known.language END,
        link_serial = known.link_serial + CASE WHEN known.activated_at IS NULL THEN 1 ELSE 0 END
    RETURNING id, activated_at IS NOT NULL AS is_known"""

ACTIVATE = """
    UPDATE accounts SET activated_at = now(), link_serial = link_serial + 1
    WHERE id = %(id)s AND link_serial = %(serial)s AND activated_at IS NULL AND erased_at IS NULL"""

WAITING = "SELECT id FROM accounts WHERE email_key = %(key)s AND activated_at IS NULL AND erased_at IS NULL"


class AlreadyActive(LinkInvalid):
    """The link did its work before."""


async def register(
    conn: Connection, *, username: str, email: str, password_hash: str, language: str, origin: Origin
) -> None:
    """Make an account and promise the mail that activates it; a known address gets another mail, and nobody is told.

    Raises UsernameTaken, for user names are public.
    """
    key = identity_key(username)
    if key in OFFICIAL or not await conn.execute(RESERVE, {"key": key}):
        raise UsernameTaken
    values = {"username": username, "username_key": key, "email": email, "email_key": identity_key(email)}
    admitted = await conn.fetch_one(ADMIT, {**values, "password_hash": password_hash, "language": language})
    assert admitted is not None
    kind = Kind.REGISTERED_AGAIN if admitted.is_known else Kind.REGISTERED
    await record(conn, admitted.id, kind, origin)
    task = "tasks.mail.send_already_registered" if admitted.is_known else "tasks.mail.send_activation"
    await outbox.promise(conn, task, account_id=admitted.id)


async def promise_activation_again(conn: Connection, email: str) -> None:
    """Promise another activation mail where an account waits for one; where none does, the promise is to nobody."""
    waiting = await conn.fetch_value(WAITING, {"key": identity_key(email)})
    await outbox.promise(conn, "tasks.mail.send_activation", account_id=waiting)


def activation_token(tokens: Tokens, account: Account) -> str:
    """What the link in the mail carries; a newer registration of the address makes it worthless."""
    return tokens.sign(ACTIVATION, [account.id, account.link_serial])


async def account_to_activate(conn: Connection, tokens: Tokens, token: str) -> Account:
    """The account an activation link is for; raises LinkExpired, AlreadyActive or LinkInvalid."""
    account_id, serial = tokens.read(ACTIVATION, token, ACTIVATION_SECONDS)
    account = await account_by_id(conn, account_id)
    if account is not None and account.is_active:
        raise AlreadyActive
    if account is None or account.erased_at is not None or account.link_serial != serial:
        raise LinkInvalid
    return account


async def activate(conn: Connection, account: Account, origin: Origin) -> None:
    """Open the account whose link was read; of two clicks at once the second raises AlreadyActive."""
    if not await conn.execute(ACTIVATE, {"id": account.id, "serial": account.link_serial}):
        raise AlreadyActive
    await record(conn, account.id, Kind.ACTIVATED, origin)
