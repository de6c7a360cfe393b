"""Which days a report is about."""

from datetime import date, timedelta

import wtforms

from shop.backoffice.forms import FilterForm
from shop.backoffice.reports.queries import MOST_DAYS
from shop.i18n import N_

DAYS = 30


class PeriodForm(FilterForm):
    """From a day to a day, both included; without them the last DAYS."""

    since = wtforms.DateField(N_("From"), [wtforms.validators.Optional()])
    until = wtforms.DateField(N_("Until"), [wtforms.validators.Optional()])

    def period(self, today: date) -> tuple[date, date]:
        """The first and the last day, in this order and at most MOST_DAYS apart."""
        last = self.until.data or today
        first = self.since.data or last - timedelta(days=DAYS - 1)
        first, last = min(first, last), max(first, last)
        return max(first, last - timedelta(days=MOST_DAYS - 1)), last
