"""An address as people write it: checked closely at home, free elsewhere."""

from __future__ import annotations

import re
from typing import Any, Final

import wtforms

from shop.accounts.addresses.models import HOME_COUNTRY
from shop.accounts.addresses.regions import countries, province_called
from shop.accounts.models import narrowed
from shop.i18n import N_
from shop.web.forms import Form, at_most, refuse, required

HOME_PHONE: Final = re.compile(r"(\+?86)?1[3-9]\d{9}|0\d{9,11}(-\d{1,6})?")
ANY_PHONE: Final = re.compile(r"\+?\d{5,15}")
HOME_POSTCODE: Final = re.compile(r"\d{6}")
ANY_POSTCODE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 -]{1,11}")


class AddressForm(Form):
    """Where goods shall go. Filters fold full-width letters, so that any keyboard may be used for the digits."""

    receiver = wtforms.StringField(
        N_("Receiver"),
        [required(N_("Who receives the goods?")), at_most(60)],
        filters=[narrowed],
        render_kw={"autocomplete": "name"},
    )
    phone = wtforms.TelField(
        N_("Phone"),
        [required(N_("Enter a phone number, in case the driver does not find you.")), at_most(30)],
        filters=[narrowed],
        render_kw={"autocomplete": "tel", "inputmode": "tel"},
    )
    country = wtforms.SelectField(
        N_("Country"),
        [required(N_("Choose a country from the list."))],
        default=HOME_COUNTRY,
        validate_choice=False,
        render_kw={"autocomplete": "country"},
    )
    province = wtforms.StringField(
        N_("Province"),
        [at_most(60)],
        filters=[narrowed],
        render_kw={"autocomplete": "address-level1", "list": "provinces"},
    )
    city = wtforms.StringField(
        N_("City"), [at_most(60)], filters=[narrowed], render_kw={"autocomplete": "address-level2"}
    )
    district = wtforms.StringField(
        N_("District"), [at_most(60)], filters=[narrowed], render_kw={"autocomplete": "address-level3"}
    )
    street = wtforms.TextAreaField(
        N_("Street, house, flat"),
        [required(N_("Enter street and house.")), at_most(200)],
        filters=[narrowed],
        render_kw={"autocomplete": "street-address", "rows": 2},
    )
    postcode = wtforms.StringField(
        N_("Postcode"),
        [at_most(12)],
        filters=[narrowed],
        render_kw={"autocomplete": "postal-code", "inputmode": "text"},
    )
    is_default = wtforms.BooleanField(N_("Use this address unless I choose another"))

    def __init__(self, *given: Any, **options: Any) -> None:
        super().__init__(*given, **options)
        self.country.choices = countries(self.lang)
        for field in (self.province, self.city) if self._is_home else (self.city,):
            field.flags.required = True

    @property
    def values(self) -> dict[str, str | None]:
        """What to keep: empty parts as "", a missing postcode as None."""
        names = ("receiver", "phone", "country", "province", "city", "district", "street")
        return {name: self[name].data or "" for name in names} | {"postcode": self.postcode.data or None}

    def validate_country(self, field: wtforms.Field) -> None:
        """One of the countries there are."""
        if field.data not in dict(countries(self.lang)):
            refuse(field, N_("Choose a country from the list."))

    def validate_phone(self, field: wtforms.Field) -> None:
        """A number that can be dialled: at home a mobile or a line with its area code, elsewhere any."""
        digits = re.sub(r"[\s().]|(?<=\d)-(?=\d{3})", "", field.data or "")
        is_right = ANY_PHONE.fullmatch(digits)
        if (self._is_home and not digits.startswith("+")) or digits.startswith("+86"):
            is_right = HOME_PHONE.fullmatch(digits)
        if not is_right:
            refuse(field, N_("This is not a phone number we can call. A mobile number has eleven digits."))

    def validate_province(self, field: wtforms.Field) -> None:
        """At home one of the provinces, written as it is called."""
        if not self._is_home:
            return
        province = province_called(field.data or "")
        if province is None:
            refuse(field, N_("Choose a province from the list."))
        field.data = province.english if (field.data or "").isascii() else province.chinese

    def validate_city(self, field: wtforms.Field) -> None:
        """Needed, unless the province is a city itself."""
        province = province_called(self.province.data or "") if self._is_home else None
        if not field.data and not (province is not None and province.is_city):
            refuse(field, N_("Enter the city."))

    def validate_postcode(self, field: wtforms.Field) -> None:
        """At home six digits that begin as those of the province do; nobody has to know theirs."""
        if not field.data:
            return
        if not self._is_home:
            if not ANY_POSTCODE.fullmatch(field.data):
                refuse(field, N_("This is not a postcode."))
            return
        province = province_called(self.province.data or "")
        if province is not None and not province.prefixes:
            return
        if not HOME_POSTCODE.fullmatch(field.data):
            refuse(field, N_("A postcode has six digits."))
        if province is not None and field.data[:2] not in province.prefixes:
            refuse(field, N_("This postcode lies in another province."))

    @property
    def _is_home(self) -> bool:
        return bool(self.country.data == HOME_COUNTRY)
