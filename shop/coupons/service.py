"""Coupons: made, redeemed by orders, given back when the order is cancelled."""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from datetime import datetime
from typing import Final

from shop.coupons.models import Coupon, CouponRedemption, DiscountKind
from shop.coupons.queries import COUPON, code_key
from shop.db import Connection, Q, Row

# Without I, L, O and U: read aloud or typed from paper, no letter is taken for another.
ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
CODE_LENGTH: Final = 10


@dataclass(frozen=True, slots=True)
class Redemption:
    """What one order takes off with a coupon; `amount` in minor units."""

    order_id: int
    coupon_id: int
    account_id: int | None
    email_key: str
    is_once: bool
    amount: int


def new_code() -> str:
    """A code of fifty random bits, which nobody guesses."""
    return "".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH))


async def create_coupon(
    conn: Connection,
    kind: DiscountKind,
    value: int,
    *,
    code: str | None = None,
    minimum: int = 0,
    limit: int | None = None,
    once_per_customer: bool = True,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
) -> Coupon:
    """A new coupon; raises UniqueViolation for a code that exists and CheckViolation for a worth that cannot be."""
    return await Coupon.objects.using(conn).create(
        code=code_key(code) if code else new_code(),
        kind=kind,
        value=value,
        minimum=minimum,
        limit=limit,
        once_per_customer=once_per_customer,
        starts_at=starts_at,
        ends_at=ends_at,
    )


async def lock_coupons(conn: Connection, codes: Iterable[str]) -> dict[str, Row]:
    """The coupons by code, locked in id order until the transaction ends."""
    wanted = sorted(set(codes))
    # Its columns are those of `coupon_by_code`, and both come from one constant.
    sql = f"{COUPON} WHERE code = ANY(%(codes)s) ORDER BY id FOR NO KEY UPDATE"
    rows = await conn.fetch_all(sql, {"codes": wanted}) if wanted else []
    return {row.code: row for row in rows}


async def holders(
    conn: Connection, coupon_ids: Iterable[int], account_ids: Iterable[int], email_keys: Iterable[str]
) -> set[tuple[int, int | str]]:
    """(coupon, account id) and (coupon, e-mail key) of those among these customers who hold one of these coupons."""
    coupons = sorted(set(coupon_ids))
    if not coupons:
        return set()
    customers = Q(account_id__in=list(account_ids)) | Q(email_key__in=list(email_keys))
    uses = CouponRedemption.objects.using(conn).filter(customers, coupon_id__in=coupons, is_once=True, released_at=None)
    rows = await uses.values_list("coupon_id", "account_id", "email_key")
    by_account: set[tuple[int, int | str]] = {(coupon, account) for coupon, account, _ in rows if account}
    return by_account | {(coupon, email_key) for coupon, _, email_key in rows}


async def redeem(conn: Connection, redemptions: Sequence[Redemption]) -> None:
    """Writes the uses and counts them; unique rows and the CHECK behind the count refuse one too many."""
    if not redemptions:
        return
    columns = [list(values) for values in zip(*map(astuple, redemptions), strict=True)]
    names = [field.name for field in fields(Redemption)]
    await conn.execute(REDEEM, dict(zip(names, columns, strict=True)))


async def give_back_coupon(conn: Connection, order_id: int) -> None:
    """Gives back the coupon an order holds, if it holds one."""
    await conn.execute(GIVE_BACK, {"order": order_id})


# A batch's uses and their counts in one statement (INSERT … unnest feeding an UPDATE); measured by tests/bench/orders.py.
REDEEM = """
WITH written AS (
    INSERT INTO coupon_redemptions (order_id, coupon_id, account_id, email_key, is_once, amount)
    SELECT * FROM unnest(%(order_id)s::bigint[], %(coupon_id)s::bigint[], %(account_id)s::bigint[],
                         %(email_key)s::text[], %(is_once)s::boolean[], %(amount)s::bigint[])
    RETURNING coupon_id)
UPDATE coupons c SET used = used + n.count
FROM (SELECT coupon_id, count(*) FROM written GROUP BY coupon_id) n WHERE c.id = n.coupon_id
"""

# Whoever frees the use counts it down, in one statement (an UPDATE feeding an UPDATE).
GIVE_BACK = """
WITH freed AS (
    UPDATE coupon_redemptions SET released_at = now() WHERE order_id = %(order)s AND released_at IS NULL
    RETURNING coupon_id)
UPDATE coupons c SET used = used - 1 FROM freed WHERE c.id = freed.coupon_id
"""
