"""An origin as it is typed."""

from __future__ import annotations

import wtforms

from shop.backoffice.forms import VersionedForm
from shop.i18n import N_
from shop.web.forms import at_most, required, stripped

NAMED = [required(N_("Enter a name.")), at_most(80)]


class OriginForm(VersionedForm):
    """Its name in both languages, and whether further goods may come from there."""

    name_en = wtforms.StringField(N_("Name in English"), NAMED, filters=[stripped])
    name_zh = wtforms.StringField(N_("Name in Chinese"), NAMED, filters=[stripped])
    is_offered = wtforms.BooleanField(
        N_("Offered for goods"),
        default=True,
        description=N_("Goods that come from there already keep it either way."),
    )
