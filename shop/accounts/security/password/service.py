"""Changing and resetting a password. Either way every link and every other session of the account is dead at once."""

from __future__ import annotations

from typing import Final

from sqlalchemy import func

from shop import outbox
from shop.accounts.models import Account, identity_key
from shop.accounts.queries import account_by_id
from shop.accounts.security.models import EmailChange, Kind, Origin
from shop.accounts.security.service import record, tell_owner
from shop.accounts.service import forget_pending
from shop.accounts.sessions import service as sessions
from shop.db import Connection, F, Now
from shop.tokens import LinkInvalid, Tokens

RESET: Final = "password-reset"
RESET_SECONDS: Final = 3600


async def ask_for_reset(conn: Connection, email: str, origin: Origin) -> None:
    """Promise a link to a known address, and the same to nobody for an unknown one."""
    known = Account.objects.using(conn).filter(email_key=identity_key(email), erased_at=None, deactivated_at=None)
    # Only the newest link counts: asking again raises the number that links carry.
    await known.update(link_serial=F("link_serial") + 1)
    account_id = await known.values_list("id", flat=True).first()
    await record(conn, account_id, Kind.PASSWORD_RESET_ASKED, origin)
    await outbox.promise(conn, "tasks.mail.send_password_reset", account_id=account_id)


def reset_token(tokens: Tokens, account: Account) -> str:
    """What the link in the mail carries; it is worthless after the next link, or any change of password or e-mail."""
    return tokens.sign(RESET, [account.id, account.link_serial])


async def account_to_reset(conn: Connection, tokens: Tokens, token: str) -> Account:
    """The account a reset link is for; raises LinkExpired or LinkInvalid."""
    account_id, serial = tokens.read(RESET, token, RESET_SECONDS)
    account = await account_by_id(conn, account_id)
    if account is None or account.erased_at is not None or account.link_serial != serial:
        raise LinkInvalid
    return account


async def reset_password(conn: Connection, account: Account, password_hash: str, origin: Origin) -> None:
    """Set the password of the account whose link was read and end all its sessions; raises LinkInvalid if it was just used."""
    await _set(conn, account, password_hash)
    await sessions.revoke_all(conn, account.id)
    await record(conn, account.id, Kind.PASSWORD_RESET, origin)
    await tell_owner(conn, account.id, Kind.PASSWORD_RESET)


async def change_password(conn: Connection, account: Account, password_hash: str, origin: Origin) -> None:
    """Set another password; raises LinkInvalid when it was changed elsewhere a moment ago. Sessions are the caller's to renew."""
    await _set(conn, account, password_hash)
    await record(conn, account.id, Kind.PASSWORD_CHANGED, origin)
    await tell_owner(conn, account.id, Kind.PASSWORD_CHANGED)


async def _set(conn: Connection, account: Account, password_hash: str) -> None:
    unchanged = Account.objects.using(conn).filter(id=account.id, link_serial=account.link_serial, erased_at=None)
    if not await unchanged.update(
        password_hash=password_hash,
        password_changed_at=Now(),
        link_serial=F("link_serial") + 1,
        # Whoever reads the mailbox has confirmed the address, too.
        activated_at=func.coalesce(Account.c.activated_at, func.now()),
    ):
        raise LinkInvalid
    await EmailChange.objects.using(conn).filter(account_id=account.id).delete()
    await forget_pending(conn, account.id)
