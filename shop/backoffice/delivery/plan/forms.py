"""An entry of the weekly plan, and the room of a window, as they are typed."""

from __future__ import annotations

from datetime import time
from typing import Any

import wtforms

from shop.backoffice.forms import VersionedForm
from shop.backoffice.goods.forms import WholeField
from shop.i18n import N_
from shop.web.forms import Form, refuse

WEEKDAYS: dict[Any, str] = {
    0: N_("Monday"),
    1: N_("Tuesday"),
    2: N_("Wednesday"),
    3: N_("Thursday"),
    4: N_("Friday"),
    5: N_("Saturday"),
    6: N_("Sunday"),
}
MOST_ORDERS = 100_000
MOST_MINUTES = 7 * 24 * 60


class ClockField(wtforms.Field):
    """A time of day on the shop's clock; `data` is a time, None for what is no time."""

    widget = wtforms.widgets.TimeInput()

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Reads what the browser sends."""
        self.data: Any = None
        try:
            self.data = time.fromisoformat(str(valuelist[0])) if valuelist else None
        except ValueError:
            self.data = None
        if self.data is None or self.data.tzinfo is not None:
            raise ValueError(self.gettext(N_("This has to be a time such as 09:30.")))

    def _value(self) -> str:
        return str(self.raw_data[0]) if self.raw_data else "" if self.data is None else f"{self.data:%H:%M}"


def _given(form: wtforms.Form, field: wtforms.Field) -> None:
    if field.data is None and not field.process_errors:
        refuse(field, N_("Enter a number."))


_given.field_flags = {"required": True}  # type: ignore[attr-defined]


class PlanForm(VersionedForm):
    """On which day, from when to when, until when one can order, and for how many."""

    weekday = wtforms.SelectField(N_("Day"), choices=WEEKDAYS, coerce=int)
    starts = ClockField(N_("From"), [_given])
    ends = ClockField(N_("Until"), [_given])
    cutoff_minutes = WholeField(N_("Orders until so many minutes before"), least=0, most=MOST_MINUTES, default=120)
    capacity = WholeField(N_("Room for so many orders"), least=1, most=MOST_ORDERS, validators=[_given])

    def validate_ends(self, field: ClockField) -> None:
        """The end comes behind the beginning."""
        if field.data and self.starts.data and field.data <= self.starts.data:
            refuse(field, N_("This has to be later than the beginning."))

    @property
    def values(self) -> dict[str, Any]:
        """What is saved."""
        given = {name: self[name].data for name in ("weekday", "starts", "ends", "capacity")}
        return {**given, "cutoff_minutes": self.cutoff_minutes.data or 0}


class CapacityForm(Form):
    """How many orders one window has room for, and how many it had room for when that was typed."""

    seen = WholeField(N_("Room for so many orders"), least=0, most=MOST_ORDERS)
    capacity = WholeField(N_("Room for so many orders"), least=0, most=MOST_ORDERS)
