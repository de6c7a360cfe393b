"""A new password, and where to send a link for one."""

from __future__ import annotations

from shop.accounts.forms import email_field, new_password_field
from shop.i18n import N_
from shop.web.forms import Form


class NewPasswordForm(Form):
    """The password to be; `names` are what it must not equal."""

    names: tuple[str, ...] = ()
    password = new_password_field(N_("New password"))


class ResetForm(Form):
    """Whose password is forgotten."""

    email = email_field()
