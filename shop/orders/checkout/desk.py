"""What the checkout page lays out: the basket, where it can go, when, and what that comes to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from shop.accounts.addresses.models import Address
from shop.accounts.addresses.queries import addresses_of
from shop.accounts.models import Account
from shop.cart.pause import pause_of
from shop.cart.queries import Basket, Owner, basket_of
from shop.cart.quotes import Quote, quote_of
from shop.db import Connection, Database
from shop.delivery.models import Window, Zone, ZoneKind
from shop.delivery.queries import Place, open_windows, zone_for, zones
from shop.delivery.service import make_windows

PARTS = ("receiver", "phone", "country", "province", "city", "district", "street", "postcode")


@dataclass(frozen=True, slots=True)
class Served:
    """A zone with the windows one can still ask for."""

    zone: Zone
    windows: Sequence[Window]


@dataclass(frozen=True, slots=True)
class Desk:
    """Everything laid out; `chosen` is the zone the sums are for: that of the chosen window, else that of the place.

    `pause` is what the shop tells while it takes no orders.
    """

    basket: Basket
    addresses: Sequence[Address]
    place: Place
    delivery: Served | None
    pickups: Sequence[Served]
    chosen: Served | None
    window: Window | None
    quote: Quote
    pause: Mapping[str, str] | None

    @property
    def served(self) -> Sequence[Served]:
        """Every zone a window can be chosen in."""
        return [*([self.delivery] if self.delivery else []), *self.pickups]

    def address(self, address_id: str) -> Address | None:
        """The kept address with that number."""
        return next((address for address in self.addresses if str(address.id) == address_id), None)


async def basket_and_addresses(
    conn: Connection, owner: Owner, account: Account | None
) -> tuple[Basket, Sequence[Address]]:
    """What a checkout begins with."""
    return await basket_of(conn, owner), await addresses_of(conn, account.id) if account else []


async def lay_out(
    conn: Connection,
    basket: Basket,
    addresses: Sequence[Address],
    place: Place,
    window_id: int | None,
    rates: Mapping[str, int],
    who: tuple[int | None, str],
) -> Desk:
    """The desk for a place and a choice of window; `who` is the buyer's account id, if any, and e-mail key."""
    zone = await zone_for(conn, place) if place.is_known else None
    delivery = Served(zone, await open_windows(conn, zone.id)) if zone else None
    pickups = [Served(found, await open_windows(conn, found.id)) for found in await zones(conn, ZoneKind.PICKUP)]
    chosen, window = _chosen([*([delivery] if delivery else []), *pickups], window_id)
    served = chosen or delivery
    sums_for = served.zone if served else None
    quote = await quote_of(conn, basket, sums_for, rates, account_id=who[0], email_key=who[1])
    return Desk(basket, addresses, place, delivery, pickups, chosen, window, quote, await pause_of(conn))


async def keep_windows_coming(db: Database, timezone: ZoneInfo) -> None:
    """Makes the windows of the coming week where they are missing; usually the shop's sweeper has done it."""
    async with db.transaction() as conn:
        await make_windows(conn, datetime.now(timezone).date(), timezone)


def place_of(said: Mapping[str, Any]) -> Place:
    """What of an address decides on delivery; a municipality is its own city."""
    return Place(
        said.get("country") or "CN",
        said.get("city") or said.get("province") or "",
        said.get("district") or "",
        said.get("postcode") or "",
    )


def copied(address: Address) -> dict[str, Any]:
    """An address as an order keeps it."""
    return {name: getattr(address, name) or "" for name in PARTS}


def _chosen(served: Sequence[Served], window_id: int | None) -> tuple[Served | None, Window | None]:
    for one in served:
        for window in one.windows:
            if window.id == window_id:
                return one, window
    return None, None
