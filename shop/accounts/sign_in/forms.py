"""What a customer types to come in."""

from __future__ import annotations

import wtforms

from shop.i18n import N_
from shop.web.forms import Form, at_most, required, stripped

_AS_TYPED = {"autocapitalize": "none", "spellcheck": "false"}


class LoginForm(Form):
    """User name or e-mail, and password; `next` and `viewed` travel along unseen."""

    login = wtforms.StringField(
        N_("User name or e-mail"),
        [required(N_("Enter your user name or e-mail address.")), at_most(254)],
        filters=[stripped],
        render_kw={"autocomplete": "username", **_AS_TYPED},
    )
    password = wtforms.PasswordField(N_("Password"), [required(N_("Enter your password."))])
    remember = wtforms.BooleanField(N_("Keep me signed in on this device"))
    next = wtforms.HiddenField()
    viewed = wtforms.HiddenField()


class CodeForm(Form):
    """The second factor; `ticket` proves that the password was right a moment ago."""

    code = wtforms.StringField(
        N_("Code"),
        [required(N_("Enter the code from your app, or a recovery code.")), at_most(40)],
        filters=[stripped],
        render_kw={"autocomplete": "one-time-code", "inputmode": "text", **_AS_TYPED},
    )
    ticket = wtforms.HiddenField()
    viewed = wtforms.HiddenField()
