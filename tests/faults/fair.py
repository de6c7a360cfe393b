"""What the shoppers of the scratch shop find there: too little of everything, so that they get in each other's way."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from shop.accounts.security.models import Origin
from shop.accounts.sessions.service import start
from shop.coupons.models import DiscountKind
from shop.coupons.service import create_coupon
from shop.db import Database
from shop.delivery.models import Area
from tests.orders.market import Market

GOODS: Final = 12
WINDOWS: Final = 6


@dataclass(frozen=True, slots=True)
class Fair:
    """SKUs by id (`hot` is what all want), windows with room and the one with hardly any, a coupon for a few."""

    market: Market
    skus: list[int]
    hot: int
    windows: list[int]
    last_window: int
    coupon: str

    @classmethod
    async def open(cls, db: Database, shoppers: int) -> Fair:
        """Goods for most, a tenth of the hot ones, of the last window and of the coupons that will be asked for."""
        market = await Market.open(db)
        few = max(2, shoppers // 30)
        async with db.transaction() as conn:
            here = {"country": "CN", "city_key": "beijing", "district_key": "", "postcode_prefix": ""}
            await Area.objects.using(conn).update_or_create({"zone_id": market.zone_id}, **here)
            coupon = await create_coupon(conn, kind=DiscountKind.FIXED, value=300, limit=few)
        return cls(
            market=market,
            skus=[await market.sku(max(9, shoppers // 8)) for _ in range(GOODS)],
            hot=await market.sku(few),
            windows=[await market.window(10_000) for _ in range(WINDOWS)],
            last_window=await market.window(few),
            coupon=coupon.code,
        )

    async def members(self, names: Iterable[str]) -> list[str]:
        """The sessions of people who have an account and signed in a while ago."""
        accounts = [await self.market.account(name) for name in names]
        async with self.market.db.transaction() as conn:
            return [(await start(conn, account, expiry=None, origin=Origin())).cookie for account in accounts]
