"""The name of the shop, typed by somebody who means it."""

from __future__ import annotations

import wtforms

from shop.i18n import N_
from shop.web.forms import Form, required, stripped


class EmptyForm(Form):
    """What is asked before everything is gone."""

    name = wtforms.StringField(N_("Name of the shop"), [required(N_("Enter a name."))], filters=[stripped])

    def means(self, shop_name: str) -> bool:
        """Whether the name was typed, as a whole or in one language; says so if not."""
        names = {name.casefold() for name in (shop_name, *shop_name.split(" · "))}
        if (self.name.data or "").casefold() not in names:
            self.wrong(self.name, N_("This is not the name of the shop. Nothing was changed."))
        return not self.name.errors
