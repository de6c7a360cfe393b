"""A size of a product as it is typed."""

from __future__ import annotations

import wtforms

from shop.backoffice.categories.forms import name_field
from shop.backoffice.forms import ShopForm
from shop.backoffice.goods.forms import WholeField
from shop.backoffice.tables.cells import CODE
from shop.catalog.models import ALLERGENS
from shop.i18n import N_
from shop.web.fields import MomentField, MoneyField
from shop.web.forms import matches, refuse, required, stripped

STATUSES = {"online": N_("Online"), "offline": N_("Offline")}
NEEDED = N_("Enter a number.")


class SkuForm(ShopForm):
    """Everything about a size but its stock, which moves by the ledger alone."""

    code = wtforms.StringField(
        N_("Item code"),
        [
            required(N_("Enter a code.")),
            matches(CODE.pattern, N_("A code is 1 to 40 Latin letters, digits and . _ / -")),
        ],
        filters=[stripped],
        render_kw={"autocapitalize": "none", "spellcheck": "false"},
    )
    unit_en = name_field(N_("Unit in English"), required(N_("Enter a unit, such as 500 g.")))
    unit_zh = name_field(N_("Unit in Chinese"), required(N_("Enter a unit, such as 500 g.")))
    name_en = name_field(N_("Name of the size in English"))
    name_zh = name_field(N_("Name of the size in Chinese"))
    price = MoneyField(N_("Price"), [required(N_("This has to be an amount such as 12.50."))])
    offer_price = MoneyField(N_("Price of the offer"))
    offer_from = MomentField(N_("Offer from"))
    offer_until = MomentField(N_("Offer until"))
    weight = WholeField(N_("Weight in grams"), least=1, validators=[required(NEEDED)])
    sold_by_weight = wtforms.BooleanField(N_("Show the price of a kilogram"), default=True)
    origin = wtforms.SelectField(N_("Origin"), coerce=int, default=0)
    allergens = wtforms.SelectMultipleField(N_("Allergens"), choices=ALLERGENS)
    tax_class = wtforms.SelectField(N_("Tax class"), default="reduced")
    status = wtforms.SelectField(N_("State"), choices=STATUSES)

    def validate_offer_price(self, field: MoneyField) -> None:
        """An offer is whole, and cheaper."""
        parts = [field.data, self.offer_from.data, self.offer_until.data]
        if any(parts) and not all(parts):
            refuse(field, N_("An offer needs a price, a beginning and an end."))
        if field.data and self.price.data and field.data >= self.price.data:
            refuse(field, N_("An offer has to be below the price."))

    def validate_offer_until(self, field: MomentField) -> None:
        """The end comes behind the beginning."""
        if field.data and self.offer_from.data and field.data <= self.offer_from.data:
            refuse(field, N_("This has to be later than the beginning."))
