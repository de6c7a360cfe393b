"""What people type into a basket."""

import re
import unicodedata
from typing import Final
from uuid import UUID

import wtforms

from shop.accounts.addresses.models import HOME_COUNTRY
from shop.cart.models import AT_MOST
from shop.i18n import N_
from shop.web.forms import Check, Form, at_most, refuse, required, stripped

WHOLE: Final = re.compile(r"[0-9]{1,18}")


def whole_number(text: str | None) -> int | None:
    """A whole number as people type it: full-width digits are digits, anything else but digits is no number."""
    plain = unicodedata.normalize("NFKC", text or "").strip()
    return int(plain) if WHOLE.fullmatch(plain) else None


def from_(least: int) -> Check:
    """A whole number, at least this and at most 99; 0 takes goods out where that is allowed."""

    def check(form: wtforms.Form, field: wtforms.Field) -> None:
        number = whole_number(field.data)
        if number is None or not least <= number <= AT_MOST:
            refuse(field, N_("Enter a whole number from 1 to %(most)d."), most=AT_MOST)

    return check


def optional_quantity(form: wtforms.Form, field: wtforms.Field) -> None:
    """At least 1, where one was sent at all."""
    if field.raw_data and not form["one"].data:
        from_(1)(form, field)


class AddForm(Form):
    """Goods from a product page (`sku` with a quantity) or one piece from a card (`one`); script names each add by an id."""

    sku = wtforms.StringField()
    one = wtforms.StringField()
    quantity = wtforms.StringField(N_("Quantity"), [optional_quantity])
    add_id = wtforms.StringField()

    @property
    def add(self) -> UUID | None:
        """What tells this add from another of the same goods, where the browser said it."""
        try:
            return UUID(self.add_id.data or "")
        except ValueError:
            return None

    @property
    def wanted(self) -> tuple[int | None, int]:
        """(SKU id, how many)."""
        if self.one.data:
            return whole_number(self.one.data), 1
        return whole_number(self.sku.data), whole_number(self.quantity.data) or 1


class QuantityForm(Form):
    """How many of one line."""

    quantity = wtforms.StringField(N_("Quantity"), [from_(0)])


class CouponForm(Form):
    """A code from a mail or a leaflet."""

    code = wtforms.StringField(
        N_("Coupon code"),
        [required(N_("Enter the code.")), at_most(40)],
        filters=[stripped],
        render_kw={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"},
    )


class PlaceForm(Form):
    """As much of an address as decides on delivery."""

    city = wtforms.StringField(
        N_("City"), [at_most(60)], filters=[stripped], render_kw={"autocomplete": "address-level2"}
    )
    district = wtforms.StringField(
        N_("District"), [at_most(60)], filters=[stripped], render_kw={"autocomplete": "address-level3"}
    )
    postcode = wtforms.StringField(
        N_("Postcode"), [at_most(12)], filters=[stripped], render_kw={"autocomplete": "postal-code"}
    )
    country = HOME_COUNTRY
