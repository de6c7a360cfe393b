"""Small things a customer decides about the account."""

from __future__ import annotations

from shop.accounts.models import Account, PendingRegistration
from shop.accounts.sessions import service as sessions
from shop.db import Connection, F, Now

# The function of the database decides who that is (and may delete lines of the record of safety, which the web role may not).
FORGET_NEVER_ACTIVATED = "SELECT forget_never_activated(%(at_most)s)"


async def choose_language(conn: Connection, account_id: int, language: str) -> None:
    """Write to the customer in this language from now on."""
    await Account.objects.using(conn).filter(id=account_id).update(language=language)


async def forget_pending(conn: Connection, account_id: int) -> None:
    """Void every registration that still waits for its mail; the address is confirmed, or its owner gone."""
    await PendingRegistration.objects.using(conn).filter(account_id=account_id).delete()


async def deactivate(conn: Connection, account_id: int) -> bool:
    """Close an account for its owner until the shop opens it again: sessions end, links in mails are dead. False if it is closed."""
    opened = Account.objects.using(conn).filter(id=account_id, erased_at=None, deactivated_at=None)
    if not await opened.update(deactivated_at=Now(), link_serial=F("link_serial") + 1):
        return False
    await sessions.revoke_all(conn, account_id)
    return True


async def reactivate(conn: Connection, account_id: int) -> bool:
    """Open it again, with the password it had; False if it is open."""
    closed = Account.objects.using(conn).filter(id=account_id, erased_at=None, deactivated_at__isnull=False)
    return bool(await closed.update(deactivated_at=None))


async def forget_never_activated(conn: Connection, at_most: int) -> int:
    """Forget accounts that nobody activated within thirty days, by any of their registrations; how many. Nobody is told.

    Their user names stay taken; whoever has orders or has written something stays.
    """
    return int(await conn.fetch_value(FORGET_NEVER_ACTIVATED, {"at_most": at_most}))
