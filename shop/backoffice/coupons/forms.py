"""A coupon as it is typed, and what it shares with a cart rule: so much or such a share off, for some time."""

from __future__ import annotations

from typing import Any

import wtforms

from shop.backoffice.forms import ShopForm
from shop.coupons.models import Coupon, DiscountKind
from shop.i18n import N_
from shop.web.fields import MomentField, MoneyField
from shop.web.forms import Form, at_most, matches, stripped


class DiscountForm(ShopForm):
    """An amount or a percentage, one of them; from and until may be open."""

    amount = MoneyField(N_("Amount off"))
    percent = wtforms.IntegerField(N_("Percent off"), [wtforms.validators.Optional()])
    starts_at = MomentField(N_("From"))
    ends_at = MomentField(N_("Until"))
    is_active = wtforms.BooleanField(N_("In force"), default=True)

    def validate(self, extra_validators: Any = None) -> bool:
        """The fields, and what they have to be together."""
        is_valid = super().validate(extra_validators)
        if not is_valid:
            return False
        amount, percent = self.amount.data, self.percent.data
        if bool(amount) == (percent is not None):
            self.wrong(self.amount, N_("Enter an amount or a percentage, one of the two."))
        elif percent is not None and not 1 <= percent <= 100:
            self.wrong(self.percent, N_("Enter a whole number from 1 to 100."))
        if self.starts_at.data and self.ends_at.data and self.ends_at.data <= self.starts_at.data:
            self.wrong(self.ends_at, N_("This has to be later than the beginning."))
        return not any(field.errors for field in self)

    @property
    def discount(self) -> dict[str, Any]:
        """Kind and value as both models keep them."""
        if self.percent.data is not None:
            return {"kind": DiscountKind.PERCENT, "value": self.percent.data}
        return {"kind": DiscountKind.FIXED, "value": self.amount.data}


def shown(row: Any) -> dict[str, Any]:
    """Kind and value of a row as the form's two fields show them."""
    is_percent = row.kind is DiscountKind.PERCENT
    return {"percent": row.value if is_percent else None, "amount": None if is_percent else row.value}


def whole_number(form: Form, field: wtforms.Field) -> None:
    """A count: at least 1, where one is given."""
    if field.data is not None and not 1 <= field.data <= 1_000_000:
        raise wtforms.ValidationError(field.gettext(N_("Enter a whole number from 1 to 1,000,000.")))


class CouponForm(DiscountForm):
    """Without a code a new one is made that nobody guesses."""

    code = wtforms.StringField(
        N_("Coupon code"),
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
