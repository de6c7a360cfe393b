"""Whether an account asks for a code, and how many ways around the app are left."""

from __future__ import annotations

from shop.accounts.security.models import RecoveryCode, SecondFactor
from shop.db import Connection


async def has_second_factor(conn: Connection, account_id: int) -> bool:
    """Whether a confirmed second factor stands behind the password."""
    return await SecondFactor.objects.using(conn).filter(account_id=account_id, confirmed_at__isnull=False).exists()


async def second_factor_of(conn: Connection, account_id: int) -> SecondFactor | None:
    """The second factor, confirmed or still being set up."""
    return await SecondFactor.objects.using(conn).filter(account_id=account_id).first()


async def recovery_codes_left(conn: Connection, account_id: int) -> int:
    """How many recovery codes were not used yet."""
    return await RecoveryCode.objects.using(conn).filter(account_id=account_id, used_at__isnull=True).count()
