"""A role as it is typed."""

from __future__ import annotations

import wtforms

from shop.backoffice.forms import VersionedForm
from shop.i18n import N_
from shop.web.forms import at_most, required, stripped
from shop.web.staff import Permission

PERMISSIONS = {
    Permission.CATALOGUE.value: N_("Goods: categories, products, prices, stock, pictures"),
    Permission.ORDERS.value: N_("Orders: packing, shipping, cancelling, refunds, returns"),
    Permission.CUSTOMERS.value: N_("Customers: their accounts and orders, reviews, mails"),
    Permission.CONTENT.value: N_("Content: home page and pages"),
    Permission.SETTINGS.value: N_("Settings: the shop itself, delivery, taxes, payment"),
    Permission.REPORTS.value: N_("Reports: figures and downloads"),
    Permission.STAFF.value: N_("Staff: people, roles, the log"),
}


class RoleForm(VersionedForm):
    """Its name in both languages, and what it allows."""

    name_en = wtforms.StringField(
        N_("Name in English"), [required(N_("Enter a name.")), at_most(40)], filters=[stripped]
    )
    name_zh = wtforms.StringField(
        N_("Name in Chinese"), [required(N_("Enter a name.")), at_most(40)], filters=[stripped]
    )
    permissions = wtforms.SelectMultipleField(N_("May do"), choices=PERMISSIONS)
