"""Words that mean the same, as they are typed."""

import wtforms

from shop.i18n import N_
from shop.web.forms import Form, at_most, required


class SynonymsForm(Form):
    """At least two words or phrases, in any language."""

    words = wtforms.TextAreaField(
        N_("Words that mean the same"),
        [required(N_("Enter at least two words.")), at_most(500)],
        description=N_("One on each line, in any language: tomato, 番茄, 西红柿."),
    )

    @property
    def wanted(self) -> list[str]:
        """One a line; a comma does as well."""
        text = (self.words.data or "").replace("，", ",").replace("、", ",").replace(",", "\n")
        return [word.strip() for word in text.splitlines() if word.strip()]
