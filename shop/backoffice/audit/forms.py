"""Searching the log."""

from __future__ import annotations

import wtforms

from shop.backoffice.audit.models import OBJECTS
from shop.backoffice.forms import ListForm
from shop.i18n import N_


class LogForm(ListForm):
    """The log, narrowed: words are a name of the staff, an action or an object as it stands in the log."""

    kind = wtforms.SelectField(N_("About"), choices={"": N_("Everything"), **OBJECTS}, default="")
    since = wtforms.DateField(N_("From"), validators=[wtforms.validators.Optional()])
    until = wtforms.DateField(N_("Until"), validators=[wtforms.validators.Optional()])
