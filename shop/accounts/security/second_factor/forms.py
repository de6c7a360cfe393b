"""The first code of a new second factor."""

from __future__ import annotations

import wtforms

from shop.i18n import N_
from shop.web.forms import Form, at_most, required, stripped


class FirstCodeForm(Form):
    """Proof that the app shows what the shop expects."""

    code = wtforms.StringField(
        N_("Six-digit code"),
        [required(N_("Enter the six digits your app shows.")), at_most(20)],
        filters=[stripped],
        render_kw={"autocomplete": "one-time-code", "inputmode": "numeric"},
    )
