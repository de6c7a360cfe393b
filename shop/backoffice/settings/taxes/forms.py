"""A class of tax as it is typed."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

import wtforms

from shop.backoffice.categories.forms import name_field
from shop.backoffice.forms import VersionedForm
from shop.catalog.taxes.models import BUILT_IN, TaxClass
from shop.i18n import N_
from shop.web.forms import matches, required, stripped

# The settings of the start know the rates of these.
CONFIGURED: Final = frozenset({"standard", "reduced"})
RATE: Final = r"([0-9]{1,2}([.,][0-9]{1,2})?)?"


class TaxClassForm(VersionedForm):
    """Code, names and rate."""

    code = wtforms.StringField(
        N_("Code of the class"),
        [matches("[a-z0-9][a-z0-9-]{0,19}", N_("A code is 1 to 20 small Latin letters, digits and hyphens."))],
        filters=[stripped],
        description=N_("By this name tables call it; it stays as it was made."),
        render_kw={"autocapitalize": "none", "spellcheck": "false"},
    )
    name_en = name_field(N_("Name in English"), required(N_("Enter a name.")))
    name_zh = name_field(N_("Name in Chinese"), required(N_("Enter a name.")))
    rate = wtforms.StringField(
        N_("Rate in percent"),
        [matches(RATE, N_("A rate is a number from 0 to 99.99."))],
        filters=[stripped],
    )
    is_active = wtforms.BooleanField(N_("Can be chosen for goods"), default=True)

    @property
    def basis_points(self) -> int | None:
        """The rate in hundredths of a percent; None where none was typed."""
        text = (self.rate.data or "").replace(",", ".")
        return int(Decimal(text) * 100) if text else None

    def fits(self, code: str) -> bool:
        """Whether there is a rate, here or in the settings of the start; says so if not."""
        if self.basis_points is None and code not in CONFIGURED:
            self.wrong(self.rate, N_("A rate is a number from 0 to 99.99."))
        return not self.rate.errors

    @property
    def values(self) -> dict[str, Any]:
        """What is saved, all but the code."""
        name = {"en": self.name_en.data, "zh": self.name_zh.data}
        return {"name": name, "rate": self.basis_points, "is_active": bool(self.is_active.data)}


def values_of(found: TaxClass) -> dict[str, Any]:
    """A class as its form shows it."""
    names = {f"name_{lang}": found.name.get(lang, "") for lang in ("en", "zh")}
    return {**names, "rate": percent(found.rate), "is_active": found.is_active, "code": found.code}


def percent(rate: int | None) -> str:
    """A rate in hundredths of a percent as it is typed: "13", "9.5"; "" for none."""
    return "" if rate is None else f"{Decimal(rate) / 100:.2f}".rstrip("0").rstrip(".")


def can_be_removed(found: TaxClass) -> bool:
    """Whether the shop could do without it; what goods have is kept by the database."""
    return found.code not in BUILT_IN
