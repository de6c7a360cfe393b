"""Settings as they are typed."""

from __future__ import annotations

import wtforms

from shop.accounts.models import is_email
from shop.backoffice.forms import VersionedForm
from shop.i18n import N_
from shop.web.forms import at_most, refuse, required, stripped

MOST_ADDRESSES = 20
MESSAGE = [required(N_("Enter a message.")), at_most(300)]


class PauseForm(VersionedForm):
    """What customers read while the shop takes no orders."""

    message_en = wtforms.StringField(N_("Message in English"), MESSAGE, filters=[stripped])
    message_zh = wtforms.StringField(N_("Message in Chinese"), MESSAGE, filters=[stripped])

    @property
    def message(self) -> dict[str, str]:
        """The message by language."""
        return {"en": self.message_en.data or "", "zh": self.message_zh.data or ""}


class RecipientsForm(VersionedForm):
    """The addresses of the shop that are told of new orders."""

    addresses = wtforms.TextAreaField(
        N_("Addresses"),
        [at_most(5000)],
        description=N_("One in a line. Left empty, nobody is written to."),
    )

    @property
    def wanted(self) -> list[str]:
        """The addresses that were typed, each once."""
        return list(dict.fromkeys((self.addresses.data or "").replace(",", " ").split()))

    def validate_addresses(self, field: wtforms.TextAreaField) -> None:
        """Each is an address, and there are not too many of them."""
        if len(self.wanted) > MOST_ADDRESSES:
            refuse(field, N_("These are too many addresses: %(most)d at most."), most=MOST_ADDRESSES)
        for address in self.wanted:
            if not is_email(address):
                refuse(field, N_("This is no e-mail address: %(address)s"), address=address)
