"""Moving to another e-mail address. Nothing moves before the new mailbox has answered."""

from __future__ import annotations

import secrets
from typing import Final

from shop import outbox
from shop.accounts.models import Account, identity_key
from shop.accounts.queries import account_by_id
from shop.accounts.security.models import EmailChange, Kind, Origin
from shop.accounts.security.service import record, tell_owner
from shop.db import Connection, F, Now, UniqueViolation
from shop.tokens import LinkInvalid, Tokens

CHANGE: Final = "email-change"
CHANGE_SECONDS: Final = 24 * 3600


class EmailTaken(Exception):
    """The mailbox that has just confirmed already has an account; only its owner learns this."""


async def ask_for_change(conn: Connection, account: Account, email: str, origin: Origin) -> None:
    """Keep the wish and promise two mails: a link to the new address, a notice to the old; taken addresses look the same."""
    wish = {"email": email, "nonce": secrets.token_urlsafe(16), "asked_at": Now()}
    await EmailChange.objects.using(conn).update_or_create(wish, account_id=account.id)
    await record(conn, account.id, Kind.EMAIL_CHANGE_ASKED, origin, field="email")
    await outbox.promise(conn, "tasks.mail.send_email_confirmation", account_id=account.id)
    await tell_owner(conn, account.id, Kind.EMAIL_CHANGE_ASKED)


async def change_under_way(conn: Connection, account_id: int) -> EmailChange | None:
    """The address that waits for its confirmation."""
    return await EmailChange.objects.using(conn).filter(account_id=account_id).first()


def change_token(tokens: Tokens, change: EmailChange) -> str:
    """What the link to the new address carries; a newer wish or another password makes it worthless."""
    return tokens.sign(CHANGE, [change.account_id, change.nonce])


async def change_to_confirm(conn: Connection, tokens: Tokens, token: str) -> tuple[Account, EmailChange]:
    """Whose address a link is to confirm; raises LinkExpired or LinkInvalid."""
    account_id, nonce = tokens.read(CHANGE, token, CHANGE_SECONDS)
    account = await account_by_id(conn, account_id)
    change = await change_under_way(conn, account_id)
    if account is None or change is None or change.nonce != nonce:
        raise LinkInvalid
    return account, change


async def confirm_change(conn: Connection, account: Account, change: EmailChange, origin: Origin) -> None:
    """Move to the confirmed address; raises LinkInvalid when the link was just used and EmailTaken."""
    if not await EmailChange.objects.using(conn).filter(account_id=account.id, nonce=change.nonce).delete():
        raise LinkInvalid
    own = Account.objects.using(conn).filter(id=account.id, erased_at=None)
    address = {"email": change.email, "email_key": identity_key(change.email)}
    try:
        async with conn.savepoint():
            moved = await own.update(**address, link_serial=F("link_serial") + 1)
    except UniqueViolation:
        raise EmailTaken from None
    if not moved:
        raise LinkInvalid
    await record(conn, account.id, Kind.EMAIL_CHANGED, origin, field="email")
    await outbox.promise(conn, "tasks.mail.send_email_changed", account_id=account.id, old=account.email)
