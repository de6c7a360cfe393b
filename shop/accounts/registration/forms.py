"""What a new customer types."""

from __future__ import annotations

import wtforms

from shop.accounts.forms import email_field, new_password_field, username_field
from shop.i18n import N_
from shop.web.forms import Form, required


class RegistrationForm(Form):
    """A new account; the label of `consent` carries links and is written by the page."""

    username = username_field()
    email = email_field()
    password = new_password_field()
    consent = wtforms.BooleanField(
        N_("I agree to the terms and the privacy notice"),
        [required(N_("Agree to the terms and the privacy notice to go on."))],
    )


class ResendForm(Form):
    """Where the activation mail shall go again."""

    email = email_field()


class ActivationForm(Form):
    """Nothing to type; `viewed` holds what this browser remembers."""

    viewed = wtforms.HiddenField()
