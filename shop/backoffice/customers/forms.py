"""Searching customers."""

import wtforms

from shop.backoffice.forms import ListForm
from shop.i18n import N_

STATES = {
    "": N_("All"),
    "active": N_("Account open"),
    "waiting": N_("Address not confirmed"),
    "closed": N_("Deactivated"),
}


class CustomersForm(ListForm):
    """The list, narrowed by name or e-mail address, and by state."""

    state = wtforms.SelectField(N_("State"), choices=STATES, default="")
