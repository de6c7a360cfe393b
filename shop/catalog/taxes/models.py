"""A class of tax: the rate that is contained in the prices of the goods of that class."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from shop.db import Model, column

# Delivery is taxed as this one; it and what a new size begins with are always there, as is the zero rate.
STANDARD: Final = "standard"
BUILT_IN: Final = frozenset({STANDARD, "reduced", "zero"})


class TaxClass(Model):
    """One class; `rate` in hundredths of a percent, None where the settings of the start say it. Orders keep the rate of their day."""

    __tablename__ = "tax_classes"

    code: str = column(primary_key=True)
    name: dict[str, str] = column()
    rate: int | None = column()
    position: int = column(server_default="0")
    is_active: bool = column(server_default="true")
    version: int = column(server_default="1")


def rate_of(rate: int | None, code: str, configured: Mapping[str, int]) -> int:
    """The rate of a class as its row says, else as the settings of the start."""
    return configured[code] if rate is None else rate
