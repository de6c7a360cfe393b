"""What can be brought where, when and for how much."""

from dataclasses import dataclass

from shop.accounts.models import identity_key
from shop.db import Connection
from shop.delivery.models import Window, Zone, ZoneKind

ZONE = "id, kind, name, address, freight, free_from, minimum_order, position, is_active"


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
    row = await conn.fetch_one(
        ZONE_FOR,
        {
            "country": place.country,
            "city": area_key(place.city),
            "district": area_key(place.district),
            "postcode": postcode_key(place.postcode),
        },
    )
    return None if row is None else _zone(row.mapping)


async def zones(conn: Connection, kind: ZoneKind) -> list[Zone]:
    """The active zones of a kind in their order."""
    sql = f"SELECT {ZONE} FROM delivery_zones WHERE kind = %(kind)s AND is_active ORDER BY position, id"  # noqa: S608
    return [_zone(row.mapping) for row in await conn.fetch_all(sql, {"kind": kind})]


async def open_windows(conn: Connection, zone_id: int) -> list[Window]:
    """Windows that can still be chosen, soonest first; full ones are among them, to be shown as full."""
    rows = await conn.fetch_all(OPEN_WINDOWS, {"zone": zone_id})
    return [Window(**row.mapping) for row in rows]


def area_key(name: str) -> str:
    """The form in which two spellings of a city or district are one: "朝阳区" and "朝阳", "Beijing " and "beijing"."""
    key = identity_key(name)
    return key[:-1] if len(key) > 2 and key[-1] in "市区县區縣" else key


def postcode_key(postcode: str) -> str:
    """A postcode without spaces and hyphens, as it is compared."""
    return identity_key(postcode).replace(" ", "").replace("-", "")


def _zone(values: dict[str, object]) -> Zone:
    return Zone(**{**values, "kind": ZoneKind(str(values["kind"]))})


ZONE_FOR = f"""
SELECT {", ".join("z." + name.strip() for name in ZONE.split(","))}
FROM delivery_areas a JOIN delivery_zones z ON z.id = a.zone_id
WHERE z.is_active AND z.kind = 'delivery' AND a.country = %(country)s
  AND a.city_key IN ('', %(city)s) AND a.district_key IN ('', %(district)s)
  AND starts_with(%(postcode)s, a.postcode_prefix)
ORDER BY length(a.postcode_prefix) DESC, a.district_key <> '' DESC, a.city_key <> '' DESC, z.position, z.id LIMIT 1
"""  # noqa: S608 - the shop's own words

OPEN_WINDOWS = """
SELECT id, zone_id, starts_at, ends_at, cutoff_at, capacity, taken FROM delivery_windows
WHERE zone_id = %(zone)s AND cutoff_at > now() ORDER BY starts_at, ends_at LIMIT 60
"""
