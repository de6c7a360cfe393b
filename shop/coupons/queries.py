"""What is off at this moment."""

from collections.abc import Mapping
from dataclasses import dataclass

from shop.accounts.models import identity_key
from shop.coupons.models import CartRule, CouponRedemption, CouponRefused, Discount, DiscountKind
from shop.db import Connection, Q, Row


@dataclass(frozen=True, slots=True)
class Rule:
    """A cart rule in force: which goods it looks at, from when on, and what it takes off them."""

    id: int
    name: Mapping[str, str]
    discount: Discount
    category_ids: frozenset[int]
    sku_ids: frozenset[int]
    from_quantity: int
    from_sum: int

    def covers(self, sku_id: int, category_id: int) -> bool:
        """Whether these goods count for the rule."""
        return sku_id in self.sku_ids or category_id in self.category_ids


async def rules_in_force(conn: Connection) -> list[Rule]:
    """The cart rules that apply now, in the order in which they apply."""
    rules = await CartRule.objects.using(conn).in_force()
    below: dict[int, set[int]] = {}
    if any(rule.category_id is not None for rule in rules):
        for rule_id, category_id in await conn.fetch_all(BELOW, {"ids": [rule.id for rule in rules]}):
            below.setdefault(rule_id, set()).add(category_id)
    return [
        Rule(
            id=rule.id,
            name=rule.name,
            discount=Discount(rule.kind, rule.value),
            category_ids=frozenset(below.get(rule.id, ())),
            sku_ids=frozenset(rule.sku_ids),
            from_quantity=rule.from_quantity,
            from_sum=rule.from_sum,
        )
        for rule in rules
    ]


async def coupon_by_code(conn: Connection, code: str) -> Row | None:
    """The coupon with that code and how far it is used; None when there is none."""
    return await conn.fetch_one(f"{COUPON} WHERE code = %(code)s", {"code": code_key(code)})


async def holds_coupon(conn: Connection, coupon_id: int, account_id: int | None, email_key: str) -> bool:
    """Whether an order of this customer holds the coupon already."""
    customer = Q(email_key=email_key)
    if account_id is not None:
        customer |= Q(account_id=account_id)
    held = CouponRedemption.objects.using(conn).filter(coupon_id=coupon_id, released_at__isnull=True)
    return await held.filter(customer).exists()


def code_key(code: str) -> str:
    """A code as it is kept: without spaces, full-width letters as plain ones, in capitals."""
    return "".join(identity_key(code).split()).upper()


def refusal(coupon: Row | None, goods: int) -> CouponRefused | None:
    """Why this coupon does not apply to goods of that sum (minor units), as far as the coupon itself can tell."""
    if coupon is None or not coupon.is_active:
        return CouponRefused.UNKNOWN
    if not coupon.has_begun:
        return CouponRefused.NOT_YET
    if coupon.has_ended:
        return CouponRefused.OVER
    if coupon.limit is not None and coupon.used >= coupon.limit:
        return CouponRefused.USED_UP
    return CouponRefused.BELOW_MINIMUM if goods < coupon.minimum else None


def discount_of(coupon: Row) -> Discount:
    """What a coupon takes off."""
    return Discount(DiscountKind(coupon.kind), coupon.value)


# Whether it has begun and ended is the server's clock to say; managers have no expressions that are true or false.
COUPON = """
SELECT id, code, kind, value, minimum, "limit", once_per_customer, is_active, used,
       coalesce(starts_at <= now(), true) AS has_begun, coalesce(ends_at <= now(), false) AS has_ended
FROM coupons
"""

# A walk down the tree (WITH RECURSIVE).
BELOW = """
WITH RECURSIVE below (rule_id, category_id) AS (
    SELECT id, category_id FROM cart_rules WHERE id = ANY(%(ids)s) AND category_id IS NOT NULL
    UNION SELECT b.rule_id, c.id FROM below b JOIN categories c ON c.parent_id = b.category_id)
SELECT rule_id, category_id FROM below
"""
