"""Money and moments as people type them: amounts in the shop's currency, times on the shop's clock."""

from __future__ import annotations

import re
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Any, Final

import wtforms
from aiohttp import web
from babel.numbers import get_currency_precision

from shop.i18n import N_
from shop.keys import SETTINGS
from shop.money import decimal_string

AMOUNT: Final = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,4})?")
MOST: Final = 100_000_000


def facts_of(request: web.Request) -> dict[str, object]:
    """What MoneyField and MomentField ask of their form."""
    settings = request.app[SETTINGS]
    return {"currency": settings.currency, "zone": settings.timezone}


class MoneyField(wtforms.Field):
    """An amount such as 12.50; `data` is minor units, None for an empty field."""

    widget = wtforms.widgets.TextInput()

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Reads what was typed; a comma may stand for the point."""
        text = str(valuelist[0]).strip().replace(",", ".") if valuelist else ""
        self.data = None
        if not text:
            return
        digits = get_currency_precision(self.meta.currency)
        amount = Decimal(text).scaleb(digits) if AMOUNT.fullmatch(text) else Decimal(-1)
        if amount != int(amount) or not 0 <= amount <= MOST:
            raise ValueError(self.gettext(N_("This has to be an amount such as 12.50.")))
        self.data = int(amount)

    def told(self, value: int | None) -> str:
        """An amount as it is typed."""
        return "" if value is None else decimal_string(value, self.meta.currency)

    def _value(self) -> str:
        return str(self.raw_data[0]) if self.raw_data else self.told(self.data)


class MomentField(wtforms.DateTimeLocalField):
    """A day and time on the shop's clock; `data` is an aware datetime, None for an empty field."""

    def __init__(self, label: str | None = None, validators: Any = None, **options: Any) -> None:
        optional = [wtforms.validators.Optional()] if validators is None else validators
        super().__init__(label, optional, format=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"], **options)
        self.invalid_value_message = N_("This has to be a day and a time.")

    def told(self, value: datetime | None) -> str:
        """A moment on the shop's clock."""
        return "" if value is None else value.astimezone(self._resolve_tz()).strftime("%Y-%m-%d %H:%M")

    def _resolve_tz(self) -> tzinfo:
        zone: tzinfo = self.meta.zone
        return zone

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Reads what the browser sends; what is no moment is refused in the language of the form."""
        if not valuelist or not str(valuelist[0]).strip():
            self.data = None
            return
        try:
            super().process_formdata(valuelist)
        except ValueError as problem:
            raise ValueError(self.gettext(str(problem))) from None
