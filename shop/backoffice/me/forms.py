"""Another password of one's own."""

from __future__ import annotations

from shop.accounts.forms import new_password_field
from shop.i18n import N_
from shop.web.forms import Form


class PasswordForm(Form):
    """The new password; the sign-in of a moment ago stands for the old one."""

    password = new_password_field(N_("New password"))
    names: tuple[str, ...] = ()
