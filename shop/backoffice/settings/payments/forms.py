"""The ways to pay as they are typed; those that are not set up have fields too, which nobody is shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import wtforms

from shop.backoffice.forms import ShopForm
from shop.i18n import N_
from shop.orders.methods import Method, Offer
from shop.web.fields import MoneyField

NAMES: Final = ("sandbox", "alipay", "cash")
PLACES: Final = {"1": N_("first"), "2": N_("second"), "3": N_("third")}
EMPTY: Final = N_("Left empty, any total.")


def _place(label: str) -> wtforms.SelectField:
    return wtforms.SelectField(label, choices=PLACES, default="3")


class MethodsForm(ShopForm):
    """Of each way to pay: whether it is offered, its place, and the totals it is offered for."""

    sandbox_on = wtforms.BooleanField(N_("The test bank is offered"))
    sandbox_place = _place(N_("Place of the test bank"))
    sandbox_minimum = MoneyField(N_("Test bank from a total of"), description=EMPTY)
    sandbox_maximum = MoneyField(N_("Test bank up to a total of"), description=EMPTY)
    alipay_on = wtforms.BooleanField(N_("Alipay is offered"))
    alipay_place = _place(N_("Place of Alipay"))
    alipay_minimum = MoneyField(N_("Alipay from a total of"), description=EMPTY)
    alipay_maximum = MoneyField(N_("Alipay up to a total of"), description=EMPTY)
    cash_on = wtforms.BooleanField(N_("Cash on delivery is offered"))
    cash_place = _place(N_("Place of cash on delivery"))
    cash_minimum = MoneyField(N_("Cash from a total of"), description=EMPTY)
    cash_maximum = MoneyField(N_("Cash up to a total of"), description=EMPTY)

    def fits(self, configured: Sequence[str]) -> bool:
        """Whether somebody can still pay, and every way has totals it takes; says so if not."""
        methods = self.methods(configured)
        for method in methods:
            if method.maximum is not None and method.minimum > method.maximum:
                self.wrong(self[f"{method.name}_maximum"], N_("This has to be no less than the smallest total."))
        if not any(method.is_on for method in methods):
            self.wrong(None, N_("At least one way to pay has to stay on."))
        return not self.form_errors and not any(field.errors for field in self)

    def methods(self, configured: Sequence[str]) -> list[Method]:
        """The ways that are set up, in their order; those on one place in the order in which they are set up."""
        read = [self._read(name) for name in configured if name in NAMES]
        return sorted(read, key=lambda method: str(self[f"{method.name}_place"].data))

    def _read(self, name: str) -> Method:
        fields = {part: self[f"{name}_{part}"].data for part in ("on", "minimum", "maximum")}
        return Method(name, bool(fields["on"]), fields["minimum"] or 0, fields["maximum"])


def methods_in(offer: Offer) -> dict[str, Any]:
    """The ways to pay as their form shows them."""
    data: dict[str, Any] = {}
    for place, method in enumerate(offer.methods, start=1):
        data[f"{method.name}_on"] = method.is_on
        data[f"{method.name}_place"] = str(min(place, len(PLACES)))
        data[f"{method.name}_minimum"] = method.minimum or None
        data[f"{method.name}_maximum"] = method.maximum
    return data
