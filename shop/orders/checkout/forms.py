"""Everything a buyer says on the checkout page."""

from __future__ import annotations

import hashlib
from typing import Any, Final
from uuid import UUID

import wtforms

from shop.accounts.addresses.forms import AddressForm
from shop.accounts.forms import email_field
from shop.cart.forms import whole_number
from shop.i18n import N_
from shop.web.forms import at_most, stripped

NEW: Final = "new"
AREA: Final = ("country", "province", "city", "district", "street", "postcode")
SAID: Final = (
    "email",
    "address_id",
    "receiver",
    "phone",
    *AREA,
    "window",
    "method",
    "note",
    "seen_total",
    "cart_version",
)


class CheckoutForm(AddressForm):
    """Who, where to, when, how paid; the hidden fields say which basket and which total the buyer has seen."""

    email = email_field()
    address_id = wtforms.StringField(N_("Address"), default=NEW)
    window = wtforms.StringField(N_("Delivery time"))
    method = wtforms.StringField(N_("Payment"))
    note = wtforms.TextAreaField(
        N_("Note for the driver"), [at_most(300)], filters=[stripped], render_kw={"rows": 2, "autocomplete": "off"}
    )
    checkout_id = wtforms.StringField()
    cart_version = wtforms.StringField()
    seen_total = wtforms.StringField()

    not_needed: frozenset[str] = frozenset()

    def validate(self, extra_validators: Any = None) -> bool:
        """Check what this order needs: a kept address or the counter makes fields superfluous."""
        super().validate(extra_validators)
        for name in self.not_needed:
            self[name].errors = []
        return not any(field.errors for field in self)

    @property
    def checkout(self) -> UUID | None:
        """The id of this checkout, None when it is none of ours."""
        try:
            return UUID(self.checkout_id.data or "")
        except ValueError:
            return None

    @property
    def window_id(self) -> int | None:
        """The chosen window."""
        return whole_number(self.window.data)

    def fingerprint(self, buyer: str) -> bytes:
        """What stands for everything that was said, and by whom.

        surprise: as it was sent, for checking a field may write it differently ("上海" becomes "上海市").
        """
        sent = {name: (self[name].raw_data or [""])[0] for name in SAID}
        said = "\0".join([buyer, *(f"{name}={text}" for name, text in sent.items())])
        return hashlib.sha256(said.encode()).digest()
