"""Zones with their freight, the weekly plan, and the windows made from it; money in minor units."""

from datetime import datetime, time
from enum import StrEnum

from sqlalchemy import ForeignKey, Identity, Index, UniqueConstraint, text

from shop.db import Model, column, to_one


class ZoneKind(StrEnum):
    """Goods are brought, or fetched at the shop's own counter."""

    DELIVERY = "delivery"
    PICKUP = "pickup"


class Zone(Model):
    """A region that is served at one price, or a counter; `free_from` is the sum of goods that travels for nothing."""

    __tablename__ = "delivery_zones"
    id: int = column(Identity(always=True), primary_key=True)
    kind: ZoneKind = column(server_default="delivery")
    name: dict[str, str] = column()
    address: dict[str, str] = column(server_default="{}")
    freight: int = column(server_default=text("0"))
    free_from: int | None = column()
    minimum_order: int = column(server_default=text("0"))
    position: int = column(server_default=text("0"))
    is_active: bool = column(server_default=text("true"))
    version: int = column(server_default=text("1"))

    def freight_for(self, goods: int) -> int:
        """What delivery costs for goods of this sum, before discounts."""
        return 0 if self.free_from is not None and goods >= self.free_from else self.freight


class Area(Model):
    """What belongs to a zone; "" stands for any. The longest postcode prefix decides, then district, then city."""

    __tablename__ = "delivery_areas"
    __table_args__ = (
        UniqueConstraint("country", "city_key", "district_key", "postcode_prefix", name="delivery_areas_once"),
        Index("delivery_areas_by_zone", "zone_id"),
    )
    id: int = column(Identity(always=True), primary_key=True)
    zone_id: int = column(ForeignKey("delivery_zones.id", ondelete="CASCADE"))
    zone: Zone = to_one("zone_id")
    country: str = column(server_default="CN")
    city_key: str = column(server_default="")
    district_key: str = column(server_default="")
    postcode_prefix: str = column(server_default="")


class PlannedWindow(Model):
    """One entry of the weekly plan: weekday 0 is Monday, times are the shop's own, the cut-off counts back from the start."""

    __tablename__ = "delivery_plan"
    __table_args__ = (UniqueConstraint("zone_id", "weekday", "starts", "ends"),)
    id: int = column(Identity(always=True), primary_key=True)
    zone_id: int = column(ForeignKey("delivery_zones.id", ondelete="CASCADE"))
    zone: Zone = to_one("zone_id")
    weekday: int = column()
    starts: time = column()
    ends: time = column()
    cutoff_minutes: int = column(server_default=text("120"))
    capacity: int = column()
    version: int = column(server_default=text("1"))


class Window(Model):
    """Some hours of one day with room for `capacity` orders; the database never lets `taken` pass it."""

    __tablename__ = "delivery_windows"
    __table_args__ = (UniqueConstraint("zone_id", "starts_at", "ends_at"),)
    id: int = column(Identity(always=True), primary_key=True)
    zone_id: int = column(ForeignKey("delivery_zones.id", ondelete="CASCADE"))
    zone: Zone = to_one("zone_id")
    starts_at: datetime = column()
    ends_at: datetime = column()
    cutoff_at: datetime = column()
    capacity: int = column()
    taken: int = column(server_default=text("0"))
