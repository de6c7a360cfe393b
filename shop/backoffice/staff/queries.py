"""What can be told of the staff."""

from __future__ import annotations

from shop.accounts.models import identity_key
from shop.backoffice.staff.models import StaffMember, StaffSecondFactor
from shop.db import Connection, Q
from shop.db.keyset import Page


async def member_by_id(conn: Connection, staff_id: int) -> StaffMember | None:
    """One of the staff, disabled ones included."""
    return await StaffMember.objects.using(conn).select_related("role").filter(id=staff_id).first()


async def member_by_email(conn: Connection, email: str) -> StaffMember | None:
    """The one whose address reads the same as this one."""
    found = StaffMember.objects.using(conn).select_related("role")
    return await found.filter(email_key=identity_key(email)).first()


async def members(
    conn: Connection, size: int, *, after: str | None = None, search: str = "", role: str = "", state: str = ""
) -> Page[StaffMember]:
    """The staff by name: whose name or address holds the words, of one role, and active, invited or disabled."""
    found = StaffMember.objects.using(conn).select_related("role").order_by("name")
    if search:
        found = found.filter(Q(name__icontains=search) | Q(email__icontains=search))
    if role:
        found = found.filter(role__code=role)
    if state:
        found = found.filter(disabled_at__isnull=state != "disabled")
    if state in {"active", "invited"}:
        found = found.filter(activated_at__isnull=state == "invited")
    return await found.page(size, after=after)


async def with_second_factor(conn: Connection, staff_ids: list[int]) -> set[int]:
    """Which of them have confirmed a second factor."""
    found = StaffSecondFactor.objects.using(conn).filter(account_id__in=staff_ids, confirmed_at__isnull=False)
    return set(await found.values_list("account_id", flat=True))
