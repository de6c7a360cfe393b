"""A cart rule as it is typed."""

from __future__ import annotations

from typing import Any

import wtforms

from shop.backoffice.coupons.forms import DiscountForm, shown, whole_number
from shop.coupons.models import CartRule
from shop.i18n import N_
from shop.web.fields import MoneyField
from shop.web.forms import at_most, required, stripped

NAMED = [required(N_("Enter a name.")), at_most(80)]


class RuleForm(DiscountForm):
    """Off a category with all below it, or off goods by their codes, from so many pieces or such a sum of them."""

    name_en = wtforms.StringField(N_("Name in English"), NAMED, filters=[stripped])
    name_zh = wtforms.StringField(N_("Name in Chinese"), NAMED, filters=[stripped])
    category = wtforms.SelectField(N_("Off a category"), [wtforms.validators.Optional()], coerce=str)
    codes = wtforms.TextAreaField(
        N_("Off goods with these codes"), [at_most(2000)], description=N_("Separate them by spaces or line ends.")
    )
    from_quantity = wtforms.IntegerField(
        N_("From so many pieces"), [wtforms.validators.Optional(), whole_number], default=1
    )
    from_sum = MoneyField(N_("From a sum of"))
    position = wtforms.IntegerField(
        N_("Place in line"), [wtforms.validators.Optional()], default=0, description=N_("Smaller ones apply first.")
    )

    @property
    def wanted_codes(self) -> list[str]:
        """The codes that were typed, each once."""
        return list(dict.fromkeys((self.codes.data or "").replace(",", " ").split()))

    @property
    def values(self) -> dict[str, Any]:
        """What is saved, all but the goods."""
        return {
            **self.discount,
            "name": {"en": self.name_en.data, "zh": self.name_zh.data},
            "from_quantity": self.from_quantity.data or 1,
            "from_sum": self.from_sum.data or 0,
            "position": self.position.data or 0,
            "starts_at": self.starts_at.data,
            "ends_at": self.ends_at.data,
            "is_active": self.is_active.data,
        }


def values_of(rule: CartRule, codes: list[str]) -> dict[str, Any]:
    """A rule as its form shows it."""
    names = ("from_quantity", "from_sum", "position", "starts_at", "ends_at", "is_active", "version")
    return {
        **shown(rule),
        **{name: getattr(rule, name) for name in names},
        "name_en": rule.name.get("en", ""),
        "name_zh": rule.name.get("zh", ""),
        "category": str(rule.category_id or ""),
        "codes": "\n".join(codes),
    }
