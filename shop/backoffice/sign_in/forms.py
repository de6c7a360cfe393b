"""What staff type to come in."""

from __future__ import annotations

import wtforms

from shop.accounts.forms import new_password_field
from shop.i18n import N_
from shop.web.forms import Form, at_most, required, stripped

_AS_TYPED = {"autocapitalize": "none", "spellcheck": "false"}


class LoginForm(Form):
    """E-mail and password; `next` travels along unseen."""

    email = wtforms.EmailField(
        N_("E-mail address"),
        [required(N_("Enter your e-mail address.")), at_most(254)],
        filters=[stripped],
        render_kw={"autocomplete": "username", **_AS_TYPED},
    )
    password = wtforms.PasswordField(N_("Password"), [required(N_("Enter your password."))])
    next = wtforms.HiddenField()


class CodeForm(Form):
    """The second factor; `ticket` proves that the password was right a moment ago."""

    code = wtforms.StringField(
        N_("Code"),
        [required(N_("Enter the code from your app, or a recovery code.")), at_most(40)],
        filters=[stripped],
        render_kw={"autocomplete": "one-time-code", "inputmode": "text", **_AS_TYPED},
    )
    ticket = wtforms.HiddenField()


class FirstCodeForm(Form):
    """Proof that the app shows what the shop expects."""

    code = wtforms.StringField(
        N_("Six-digit code"),
        [required(N_("Enter the six digits your app shows.")), at_most(20)],
        filters=[stripped],
        render_kw={"autocomplete": "one-time-code", "inputmode": "numeric"},
    )
    ticket = wtforms.HiddenField()


class NewPasswordForm(Form):
    """The password of somebody who follows the link in an invitation."""

    password = new_password_field()
    names: tuple[str, ...] = ()
