"""Zones and their areas as they are typed."""

from __future__ import annotations

from typing import Any

import wtforms

from shop.backoffice.categories.forms import name_field
from shop.backoffice.forms import ShopForm
from shop.delivery.models import Zone, ZoneKind
from shop.delivery.queries import area_key, postcode_key
from shop.i18n import N_
from shop.web.fields import MoneyField
from shop.web.forms import Form, at_most, matches, required, stripped

KINDS = {ZoneKind.DELIVERY.value: N_("Goods are brought"), ZoneKind.PICKUP.value: N_("Goods are fetched at a counter")}
MONEY = ("freight", "free_from", "minimum_order")


class ZoneForm(ShopForm):
    """Name, kind and what delivery costs there."""

    kind = wtforms.SelectField(N_("Kind of zone"), choices=KINDS, default=ZoneKind.DELIVERY.value)
    name_en = name_field(N_("Name in English"), required(N_("Enter a name.")))
    name_zh = name_field(N_("Name in Chinese"), required(N_("Enter a name.")))
    address_en = name_field(N_("Address in English"))
    address_zh = name_field(N_("Address in Chinese"))
    freight = MoneyField(N_("Freight"))
    free_from = MoneyField(N_("Free from a sum of"), description=N_("Left empty, freight is always paid."))
    minimum_order = MoneyField(N_("Smallest order"))
    is_active = wtforms.BooleanField(N_("Can be chosen"), default=True)

    @property
    def values(self) -> dict[str, Any]:
        """What is saved, all but the kind, which stays as it was made."""
        texts = {
            name: {lang: self[f"{name}_{lang}"].data for lang in ("en", "zh") if self[f"{name}_{lang}"].data}
            for name in ("name", "address")
        }
        return {
            **texts,
            "freight": self.freight.data or 0,
            "free_from": self.free_from.data,
            "minimum_order": self.minimum_order.data or 0,
            "is_active": self.is_active.data,
        }


class AreaForm(Form):
    """What belongs to a zone; what is left empty stands for any."""

    country = wtforms.StringField(
        N_("Country"),
        [matches("[A-Z]{2}", N_("A country is two capital letters, such as CN."))],
        default="CN",
        filters=[stripped],
    )
    city = wtforms.StringField(N_("City"), [at_most(80)], filters=[stripped])
    district = wtforms.StringField(N_("District"), [at_most(80)], filters=[stripped])
    postcode = wtforms.StringField(N_("Postcode begins with"), [at_most(12)], filters=[stripped])

    @property
    def values(self) -> dict[str, Any]:
        """The area as places are compared with it."""
        return {
            "country": self.country.data,
            "city_key": area_key(self.city.data or ""),
            "district_key": area_key(self.district.data or ""),
            "postcode_prefix": postcode_key(self.postcode.data or ""),
        }


def values_of(zone: Zone) -> dict[str, Any]:
    """A zone as its form shows it."""
    texts = {
        f"{name}_{lang}": getattr(zone, name).get(lang, "") for name in ("name", "address") for lang in ("en", "zh")
    }
    return {**texts, **{name: getattr(zone, name) for name in (*MONEY, "is_active", "kind")}}
