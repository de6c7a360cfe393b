"""The last word before everything is forgotten."""

from __future__ import annotations

import wtforms

from shop.i18n import N_
from shop.web.forms import Form, required


class ErasureForm(Form):
    """A tick that nobody sets by mistake."""

    understood = wtforms.BooleanField(
        N_("I understand that this cannot be undone"), [required(N_("Tick the box if you really want to go."))]
    )
