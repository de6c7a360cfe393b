"""A product as it is typed."""

from __future__ import annotations

from datetime import UTC, datetime

import wtforms

from shop.backoffice.categories.forms import name_field, slug_field
from shop.backoffice.forms import ShopForm
from shop.backoffice.goods.forms import WholeField
from shop.i18n import N_
from shop.web.fields import MomentField
from shop.web.forms import at_most, refuse, required, stripped
from shop.web.rich_text import RichTextField

KEEPINGS = {"ambient": N_("At room temperature"), "chilled": N_("Chilled"), "frozen": N_("Frozen")}
STATUSES = {"draft": N_("Draft"), "online": N_("Online"), "offline": N_("Offline")}
LONGEST_DESCRIPTION = 50_000


def _lines(label: str) -> wtforms.TextAreaField:
    return wtforms.TextAreaField(label, [at_most(2000)], filters=[stripped])


class ProductForm(ShopForm):
    """Everything about a product but its sizes and pictures."""

    name_en = name_field(N_("Name in English"), required(N_("Enter a name.")))
    name_zh = name_field(N_("Name in Chinese"), required(N_("Enter a name.")))
    subtitle_en = name_field(N_("Subtitle in English"))
    subtitle_zh = name_field(N_("Subtitle in Chinese"))
    slug_en = slug_field(N_("Web address in English"))
    slug_zh = slug_field(N_("Web address in Chinese"))
    description_en = RichTextField(N_("Description in English"), [at_most(LONGEST_DESCRIPTION)])
    description_zh = RichTextField(N_("Description in Chinese"), [at_most(LONGEST_DESCRIPTION)])
    ingredients_en = _lines(N_("Ingredients in English"))
    ingredients_zh = _lines(N_("Ingredients in Chinese"))
    storage_en = _lines(N_("How to keep it, in English"))
    storage_zh = _lines(N_("How to keep it, in Chinese"))
    category = wtforms.SelectField(N_("Category"), coerce=int)
    keeping = wtforms.SelectField(N_("Keeping"), choices=KEEPINGS)
    shelf_life_days = WholeField(N_("Shelf life in days"), least=1, most=10_000)
    status = wtforms.SelectField(N_("State"), choices=STATUSES, default="draft")
    online_from = MomentField(N_("Put online by itself on"))
    online_until = MomentField(N_("Take offline by itself on"))

    def validate_online_from(self, field: MomentField) -> None:
        """What is online already cannot go online later."""
        if field.data and self.status.data == "online" and field.data > datetime.now(UTC):
            refuse(field, N_("It is online already. To have it go online later, choose Draft or Offline as its state."))

    def validate_online_until(self, field: MomentField) -> None:
        """The end comes behind the beginning."""
        if field.data and self.online_from.data and field.data <= self.online_from.data:
            refuse(field, N_("This has to be later than the beginning."))
