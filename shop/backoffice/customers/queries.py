"""What the staff see of customers: nothing that opens an account."""

from __future__ import annotations

from shop.accounts.models import Account, PendingRegistration
from shop.db import Connection, Q
from shop.db.keyset import Page

NARROWED = {
    "active": Q(activated_at__isnull=False, deactivated_at=None),
    "waiting": Q(activated_at=None),
    "closed": Q(deactivated_at__isnull=False),
}


async def found_customers(
    conn: Connection, size: int, *, after: str | None = None, search: str = "", state: str = ""
) -> Page[Account]:
    """The customers, newest first: whose name or address holds the words; those who had themselves erased are gone."""
    found = Account.objects.using(conn).filter(erased_at=None).order_by("-id")
    if search:
        found = found.filter(Q(username__icontains=search) | Q(email__icontains=search))
    if state:
        found = found.filter(NARROWED[state])
    return await found.page(size, after=after)


async def customer_by_id(conn: Connection, account_id: int) -> Account | None:
    """One customer, closed accounts included and erased ones not."""
    return await Account.objects.using(conn).filter(id=account_id, erased_at=None).first()


async def waiting_registrations(conn: Connection, account_id: int) -> int:
    """How many mails to confirm the address can still be answered."""
    return await PendingRegistration.objects.using(conn).filter(account_id=account_id).count()
