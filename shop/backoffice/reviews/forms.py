"""Which reviews."""

import wtforms

from shop.backoffice.forms import FilterForm
from shop.i18n import N_
from shop.reviews.models import ReviewStatus

STATES = {
    ReviewStatus.PENDING.value: N_("Not read yet"),
    ReviewStatus.SHOWN.value: N_("Shown"),
    ReviewStatus.HIDDEN.value: N_("Hidden"),
}


class ReviewsForm(FilterForm):
    """By state; those that nobody has read yet come first."""

    status = wtforms.SelectField(N_("State"), choices=STATES, default=ReviewStatus.PENDING.value)
