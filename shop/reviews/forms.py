"""What a buyer says."""

import wtforms

from shop.i18n import N_
from shop.reviews.models import LONGEST, STARS
from shop.web.forms import Form, at_most, refuse, stripped


class ReviewForm(Form):
    """Stars, and words if one likes."""

    stars = wtforms.StringField(N_("Stars"))
    text = wtforms.TextAreaField(N_("In your words"), [at_most(LONGEST)], filters=[stripped], render_kw={"rows": 5})

    def validate_stars(self, field: wtforms.Field) -> None:
        """One to five."""
        if field.data not in {str(stars) for stars in STARS}:
            refuse(field, N_("Choose from one to five stars."))
