"""What can be told about accounts."""

from __future__ import annotations

from shop.accounts.models import Account, PendingRegistration, identity_key
from shop.db import Connection


async def account_by_id(conn: Connection, account_id: int) -> Account | None:
    """The account with this number, erased ones included."""
    return await Account.objects.using(conn).filter(id=account_id).first()


async def account_by_login(conn: Connection, login: str) -> Account | None:
    """The account with this user name, else with this e-mail address (a user name holds no @)."""
    key = identity_key(login)
    by = {"email_key": key} if "@" in key else {"username_key": key}
    return await Account.objects.using(conn).filter(**by).first()


async def pending_registration(conn: Connection, registration_id: int) -> PendingRegistration | None:
    """The registration with this number, while it waits."""
    return await PendingRegistration.objects.using(conn).filter(id=registration_id).first()


async def pending_by_login(conn: Connection, login: str) -> PendingRegistration | None:
    """The waiting registration with this user name, else the newest with this e-mail address."""
    key = identity_key(login)
    by = {"account__email_key": key} if "@" in key else {"username_key": key}
    return await PendingRegistration.objects.using(conn).filter(**by).order_by("-id").first()
