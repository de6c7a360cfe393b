"""What coupons and cart rules have in common: so much or such a share off, for some time."""

from __future__ import annotations

from typing import Any

import wtforms

from shop.backoffice.fields import MomentField, MoneyField, ShopForm
from shop.coupons.models import DiscountKind
from shop.i18n import N_
from shop.web.forms import Form


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
