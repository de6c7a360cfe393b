"""A coupon as it is typed."""

from __future__ import annotations

from typing import Any

import wtforms

from shop.backoffice.discounts import DiscountForm, shown, whole_number
from shop.backoffice.fields import MoneyField
from shop.coupons.models import Coupon
from shop.i18n import N_
from shop.web.forms import at_most, matches, stripped


class CouponForm(DiscountForm):
    """Without a code a new one is made that nobody guesses."""

    code = wtforms.StringField(
        N_("Code"),
        [at_most(40), matches(r"[A-Za-z0-9-]*", N_("Use Latin letters, digits and hyphens."))],
        filters=[stripped],
        description=N_("Leave it empty for a code that nobody guesses."),
    )
    minimum = MoneyField(N_("From a sum of goods of"))
    limit = wtforms.IntegerField(N_("How many orders may use it"), [wtforms.validators.Optional(), whole_number])
    once_per_customer = wtforms.BooleanField(N_("Once per customer"), default=True)

    @property
    def values(self) -> dict[str, Any]:
        """What is saved, all but the code."""
        return {
            **self.discount,
            "minimum": self.minimum.data or 0,
            "limit": self.limit.data,
            "once_per_customer": self.once_per_customer.data,
            "starts_at": self.starts_at.data,
            "ends_at": self.ends_at.data,
            "is_active": self.is_active.data,
        }


def values_of(coupon: Coupon) -> dict[str, Any]:
    """A coupon as its form shows it."""
    names = ("code", "minimum", "limit", "once_per_customer", "starts_at", "ends_at", "is_active", "version")
    return {**shown(coupon), **{name: getattr(coupon, name) for name in names}}
