"""What can be brought where, when and for how much."""

from dataclasses import dataclass

from shop.accounts.models import identity_key
from shop.db import Connection, Now
from shop.delivery.models import Area, Window, Zone, ZoneKind


@dataclass(frozen=True, slots=True)
class Place:
    """As much of an address as decides on delivery."""

    country: str = "CN"
    city: str = ""
    district: str = ""
    postcode: str = ""

    @property
    def is_known(self) -> bool:
        """Whether anything was said that could decide."""
        return bool(self.city or self.district or self.postcode)


async def zone_for(conn: Connection, place: Place) -> Zone | None:
    """The zone that serves a place, or None: the shop does not deliver there."""
    postcode = postcode_key(place.postcode)
    areas = (
        await Area.objects.using(conn)
        .select_related("zone")
        .filter(
            zone__is_active=True,
            zone__kind=ZoneKind.DELIVERY,
            country=place.country,
            city_key__in=["", area_key(place.city)],
            district_key__in=["", area_key(place.district)],
            postcode_prefix__in=[postcode[:length] for length in range(len(postcode) + 1)],
        )
    )
    return min(areas, key=_rank).zone if areas else None


async def zones(conn: Connection, kind: ZoneKind) -> list[Zone]:
    """The active zones of a kind in their order."""
    return await Zone.objects.using(conn).filter(kind=kind, is_active=True).order_by("position", "id")


async def open_windows(conn: Connection, zone_id: int) -> list[Window]:
    """Windows that can still be chosen, soonest first; full ones are among them, to be shown as full."""
    coming = Window.objects.using(conn).filter(zone_id=zone_id, cutoff_at__gt=Now())
    return await coming.order_by("starts_at", "ends_at")[:60]


def area_key(name: str) -> str:
    """The form in which two spellings of a city or district are one: "朝阳区" and "朝阳", "Beijing " and "beijing"."""
    key = identity_key(name)
    return key[:-1] if len(key) > 2 and key[-1] in "市区县區縣" else key


def postcode_key(postcode: str) -> str:
    """A postcode without spaces and hyphens, as it is compared."""
    return identity_key(postcode).replace(" ", "").replace("-", "")


def _rank(area: Area) -> tuple[int, bool, bool, int, int]:
    """The longest postcode prefix first, then a named district, then a named city, then the zones' own order."""
    return -len(area.postcode_prefix), not area.district_key, not area.city_key, area.zone.position, area.zone.id
