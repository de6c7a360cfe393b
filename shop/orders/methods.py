"""The ways to pay that are offered, and for which totals: as the back office says among those that were set up at the start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from shop.db import Connection
from shop.facts import fact
from shop.orders.models import CASH

METHODS: Final = "payment_methods"


@dataclass(frozen=True, slots=True)
class Method:
    """A way to pay and the totals it is offered for, in minor units; without a maximum, any."""

    name: str
    is_on: bool = True
    minimum: int = 0
    maximum: int | None = None

    def takes(self, total: int) -> bool:
        """Whether an order of that total can be paid so."""
        return self.is_on and self.minimum <= total and (self.maximum is None or total <= self.maximum)


@dataclass(frozen=True, slots=True)
class Offer:
    """Every way to pay that is set up, those that are off too, in the order in which they are shown."""

    methods: tuple[Method, ...]

    @classmethod
    def of(cls, stated: Mapping[str, Any] | None, configured: Sequence[str], cash_ceiling: int) -> Self:
        """What the back office has `stated`, as far as the place is set up for it; what it has not spoken of is as the place says.

        Were all that it left on no longer set up, nobody could pay: then everything that is set up is offered.
        """
        default = {name: Method(name, maximum=cash_ceiling if name == CASH else None) for name in configured}
        told = [_read(one) for one in (stated or {}).get("methods", []) if one["name"] in default]
        known = {method.name for method in told}
        methods = (*told, *(method for name, method in default.items() if name not in known))
        return cls(methods if any(method.is_on for method in methods) else tuple(default.values()))

    def get(self, name: str) -> Method | None:
        """The way to pay, whether it is on or off; None where it is not set up."""
        return next((method for method in self.methods if method.name == name), None)

    def takes(self, name: str, total: int) -> bool:
        """Whether an order of that total can be paid so."""
        method = self.get(name)
        return method is not None and method.takes(total)

    def open_to(self, total: int) -> list[str]:
        """The names of those an order of that total can be paid with."""
        return [method.name for method in self.methods if method.takes(total)]


async def offer_of(conn: Connection, configured: Sequence[str], cash_ceiling: int) -> Offer:
    """The ways to pay that are offered at this moment."""
    return Offer.of(await fact(conn, METHODS), configured, cash_ceiling)


def written(methods: Sequence[Method]) -> dict[str, Any]:
    """The ways to pay as they are stated."""
    return {
        "methods": [
            {"name": one.name, "is_on": one.is_on, "minimum": one.minimum, "maximum": one.maximum} for one in methods
        ]
    }


def _read(said: Mapping[str, Any]) -> Method:
    return Method(said["name"], said["is_on"], said["minimum"], said["maximum"])
