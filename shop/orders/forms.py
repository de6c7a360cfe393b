"""What people type about an order."""

import wtforms

from shop.accounts.forms import email_field
from shop.i18n import N_
from shop.web.forms import Form, at_most, required, stripped


class LookupForm(Form):
    """What a guest knows of an order: its number and the e-mail address it was made with."""

    number = wtforms.StringField(
        N_("Order number"),
        [required(N_("Enter the order number.")), at_most(30)],
        filters=[stripped],
        render_kw={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"},
    )
    email = email_field()


class ReturnForm(Form):
    """Why goods shall go back."""

    reason = wtforms.TextAreaField(
        N_("What is wrong?"),
        [required(N_("Say what is wrong, so that we can help.")), at_most(1000)],
        filters=[stripped],
        render_kw={"rows": 3},
    )
