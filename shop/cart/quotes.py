"""What a basket would cost if it were ordered now, for the pages that show it; the till decides by the same sums."""

from collections.abc import Mapping
from dataclasses import dataclass

from shop.cart.pricing import PricedLine, Totals, totals
from shop.cart.queries import Basket
from shop.catalog.taxes.models import rate_of
from shop.coupons.models import CouponRefused
from shop.coupons.queries import coupon_by_code, discount_of, holds_coupon, refusal, rules_in_force
from shop.db import Connection
from shop.delivery.models import Zone


@dataclass(frozen=True, slots=True)
class Quote:
    """The sums of a basket for a zone (None while it is not known), and why its coupon does not count, if it does not."""

    basket: Basket
    zone: Zone | None
    totals: Totals
    coupon_refused: CouponRefused | None

    @property
    def is_below_minimum(self) -> bool:
        return self.zone is not None and self.totals.goods < self.zone.minimum_order

    @property
    def until_free(self) -> int | None:
        """How much more (minor units) would make delivery free; None when nothing would, or it is free."""
        if self.zone is None or self.zone.free_from is None or not self.totals.freight:
            return None
        return self.zone.free_from - self.totals.goods


async def quote_of(
    conn: Connection,
    basket: Basket,
    zone: Zone | None,
    tax_rates: Mapping[str, int],
    *,
    account_id: int | None = None,
    email_key: str = "",
) -> Quote:
    """The basket's sums with the rules and the coupon of this moment; who asks matters for once-only coupons."""
    lines = [
        PricedLine(
            line.sku_id,
            line.category_id,
            line.quantity,
            line.price,
            rate_of(line.tax_rate, line.tax_class, tax_rates),
        )
        for line in basket.lines
    ]
    rules = await rules_in_force(conn)
    discount = refused = None
    if basket.coupon_code:
        coupon = await coupon_by_code(conn, basket.coupon_code)
        refused = refusal(coupon, sum(line.amount for line in lines))
        if coupon is not None and refused is None:
            once = coupon.once_per_customer and await holds_coupon(conn, coupon.id, account_id, email_key)
            refused = CouponRefused.USED_BY_YOU if once else None
            discount = None if once else discount_of(coupon)
    return Quote(basket, zone, totals(lines, rules, discount, zone), refused)
