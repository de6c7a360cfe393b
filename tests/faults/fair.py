"""What there is to buy in a scratch shop: too little for the crowd of the proofs, so that they get in each other's way, or plenty."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Self

from shop.accounts.security.models import Origin
from shop.accounts.sessions.service import start
from shop.coupons.models import DiscountKind
from shop.coupons.service import create_coupon
from shop.db import Database
from shop.delivery.models import Area
from tests.orders.market import Market
from tests.world import Person, customer

GOODS: Final = 12
WINDOWS: Final = 6
PLENTY: Final = 1_000_000
MEMBERS: Final = 8


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
    async def open(cls, db: Database, shoppers: int) -> Self:
        """Goods for most, a tenth of the hot ones, of the last window and of the coupons that will be asked for."""
        few = max(2, shoppers // 30)
        return await cls._open(db, each=max(9, shoppers // 8), few=few, room=10_000)

    @classmethod
    async def plenty(cls, db: Database) -> Self:
        """Enough of everything for as long as it lasts, on a page of its own, and members who have passwords."""
        fair = await cls._open(db, each=PLENTY, few=PLENTY, room=PLENTY)
        async with db.transaction() as conn:
            params = {"id": fair.market.product_id}
            await conn.execute(
                "INSERT INTO product_slugs (slug, lang, product_id) VALUES ('apple', 'en', %(id)s)", params
            )
            await conn.execute('UPDATE products SET slugs = \'{"en": "apple"}\' WHERE id = %(id)s', params)
        for number in range(MEMBERS):
            await customer(db, member(number))
        return fair

    @classmethod
    async def _open(cls, db: Database, *, each: int, few: int, room: int) -> Self:
        market = await Market.open(db, room=room)
        async with db.transaction() as conn:
            here: dict[str, Any] = {"country": "CN", "city_key": "beijing", "district_key": "", "postcode_prefix": ""}
            await Area.objects.using(conn).update_or_create({"zone_id": market.zone_id}, **here)
            coupon = await create_coupon(conn, kind=DiscountKind.FIXED, value=300, limit=few)
        return cls(
            market=market,
            skus=[await market.sku(each) for _ in range(GOODS)],
            hot=await market.sku(few),
            windows=[await market.window(room) for _ in range(WINDOWS)],
            last_window=await market.window(few),
            coupon=coupon.code,
        )

    async def members(self, names: Iterable[str]) -> list[str]:
        """The sessions of people who have an account and signed in a while ago."""
        accounts = [await self.market.account(name) for name in names]
        async with self.market.db.transaction() as conn:
            return [(await start(conn, account, expiry=None, origin=Origin())).cookie for account in accounts]


def member(number: int) -> Person:
    """Somebody with a name that no other page may show."""
    return Person(f"canary{number:03d}x", f"canary{number:03d}x@example.com")
