"""Which table is brought."""

import wtforms

from shop.backoffice.tables.models import ImportKind
from shop.i18n import N_
from shop.web.forms import Form

KINDS = {
    ImportKind.PRODUCTS.value: N_("Goods: names, prices, sizes"),
    ImportKind.STOCK.value: N_("Stock: how many there are"),
}


class BringForm(Form):
    """A kind and, beside it, one file."""

    kind = wtforms.RadioField(N_("What is in the table?"), choices=KINDS, default=ImportKind.PRODUCTS)
