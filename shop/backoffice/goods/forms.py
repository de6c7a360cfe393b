"""Searching goods, and the small forms in their list."""

from __future__ import annotations

from typing import Any

import wtforms

from shop.backoffice.forms import ListForm, ShopForm
from shop.backoffice.goods.service import Deed, Reason
from shop.i18n import N_
from shop.web.fields import MoneyField
from shop.web.forms import Form, refuse

STATES = {
    "": N_("All"),
    "online": N_("Online"),
    "draft": N_("Draft"),
    "offline": N_("Offline"),
    "planned": N_("With a date"),
    "bin": N_("In the bin"),
}
DEEDS = {
    Deed.ONLINE.value: N_("Put online"),
    Deed.OFFLINE.value: N_("Take offline"),
    Deed.MOVE.value: N_("Move to the category"),
    Deed.BIN.value: N_("Put in the bin"),
    Deed.RESTORE.value: N_("Take out of the bin"),
}
REASONS = {
    Reason.RECEIVED.value: N_("received"),
    Reason.WRITTEN_OFF.value: N_("written off"),
    Reason.COUNTED.value: N_("counted"),
}
MOST_PIECES = 1_000_000


class WholeField(wtforms.Field):
    """A whole number between two others; `data` is None for an empty field."""

    widget = wtforms.widgets.TextInput()

    def __init__(self, label: str, *, least: int, most: int = MOST_PIECES, **options: Any) -> None:
        super().__init__(label, **options)
        self.least, self.most = least, most
        self.render_kw = {"inputmode": "numeric", "autocomplete": "off"}

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Reads what was typed."""
        text = str(valuelist[0]).strip() if valuelist else ""
        self.data = None
        if not text:
            return
        if not (text.isascii() and text.isdigit() and len(text) <= 9 and self.least <= int(text) <= self.most):
            message = self.gettext(N_("This has to be a whole number from %(least)d to %(most)d."))
            raise ValueError(message % {"least": self.least, "most": self.most})
        self.data = int(text)

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return "" if self.data is None else str(self.data)


class GoodsForm(ListForm):
    """The list, narrowed."""

    category = wtforms.SelectField(N_("Category"), coerce=int, default=0, validate_choice=False)
    state = wtforms.SelectField(N_("State"), choices=STATES, default="")
    low = wtforms.SelectField(N_("Stock"), choices={"": N_("Any"), "low": N_("Runs low")}, default="")


class BulkForm(Form):
    """What to do to the chosen ones."""

    chosen = wtforms.SelectMultipleField(N_("Goods"), coerce=int, validate_choice=False)
    deed = wtforms.SelectField(N_("With the chosen"), choices=DEEDS)
    category = wtforms.SelectField(N_("Category"), coerce=int, default=0)


class PriceForm(ShopForm):
    """Another price of one size."""

    price = MoneyField(N_("Price"))

    def validate_price(self, field: MoneyField) -> None:
        """Nothing is free by a slip of the hand."""
        if not field.errors and not field.data:
            refuse(field, N_("This has to be an amount such as 12.50."))


class StockForm(Form):
    """Pieces that came, were lost, or are there."""

    reason = wtforms.SelectField(N_("Reason"), choices=REASONS)
    quantity = WholeField(N_("Pieces"), least=0)

    def validate_quantity(self, field: WholeField) -> None:
        """None only when counted."""
        if field.errors:
            return
        if field.data is None or (field.data == 0 and self.reason.data != Reason.COUNTED):
            refuse(field, N_("Enter how many."))
