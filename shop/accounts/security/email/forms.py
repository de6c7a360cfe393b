"""The address to move to."""

from __future__ import annotations

from shop.accounts.forms import email_field
from shop.i18n import N_
from shop.web.forms import Form


class EmailForm(Form):
    """A new e-mail address."""

    email = email_field(N_("New e-mail address"))
