"""A small market for tests of orders: goods, a zone with windows, customers, and what they wish for."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from shop.db import Connection, Database
from shop.orders.invariants import broken
from shop.orders.models import CASH
from shop.orders.placing.models import Answer, Purchase, Terms
from shop.orders.placing.service import place_orders

TERMS = Terms(currency="CNY", tax_rates={"standard": 1300, "reduced": 900, "zero": 0})
CONNECTIONS = 10
ADDRESS = {"receiver": "Mei", "phone": "13800138000", "country": "CN", "city": "Beijing", "street": "1 Lane"}


class Market:
    """What the shop sells and where it brings it, in one open database."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.zone_id = 0
        self.window_id = 0
        self.product_id = 0
        self.connections = asyncio.Semaphore(CONNECTIONS)

    @classmethod
    async def open(
        cls, db: Database, *, room: int = 10_000, freight: int = 1000, free_from: int | None = None
    ) -> Market:
        market = cls(db)
        async with db.transaction() as conn:
            market.zone_id = await conn.fetch_value(ZONE, {"freight": freight, "free": free_from})
            market.window_id = await conn.fetch_value(WINDOW, {"zone": market.zone_id, "room": room})
            market.product_id = await conn.fetch_value(PRODUCT)
        return market

    async def window(self, room: int) -> int:
        """Another window of the zone, with room for so many."""
        async with self.db.transaction() as conn:
            return int(await conn.fetch_value(WINDOW, {"zone": self.zone_id, "room": room}))

    async def sku(self, stock: int, price: int = 1000) -> int:
        """Goods, so many of them, at so much apiece."""
        async with self.db.transaction() as conn:
            params = {"product": self.product_id, "code": uuid4().hex, "price": price, "stock": stock}
            return int(await conn.fetch_value(SKU, params))

    async def stock(self, sku_id: int) -> int:
        async with self.db.read() as conn:
            return int(await conn.fetch_value("SELECT stock FROM skus WHERE id = %(id)s", {"id": sku_id}))

    async def account(self, name: str) -> int:
        """A customer who has confirmed name@example.com."""
        async with self.db.transaction() as conn:
            return int(await conn.fetch_value(ACCOUNT, {"name": name, "email": f"{name}@example.com"}))

    def wish(self, *lines: tuple[int, int], total: int, **changes: Any) -> Purchase:
        """A guest's wish for these (SKU, quantity), who saw that total; `changes` replace its other fields."""
        checkout_id = changes.pop("checkout_id", uuid4())
        email = changes.pop("email", f"{checkout_id.hex}@example.com")
        values: dict[str, Any] = {
            "checkout_id": checkout_id,
            "fingerprint": hashlib.sha256(f"{email}{lines}".encode()).digest(),
            "account_id": None,
            "is_activated": False,
            "email": email,
            "email_key": email,
            "lang": "en",
            "network": "",
            "lines": lines,
            "cart_id": None,
            "cart_version": 0,
            "zone_id": self.zone_id,
            "window_id": self.window_id,
            "address": ADDRESS,
            "method": "sandbox",
            "note": "",
            "coupon_code": None,
            "seen_total": total,
        }
        return Purchase(**{**values, **changes})

    def cash_wish(self, account_id: int, *lines: tuple[int, int], total: int, **changes: Any) -> Purchase:
        """The wish of a member who pays at the door."""
        return self.wish(*lines, total=total, account_id=account_id, is_activated=True, method=CASH, **changes)

    async def buy(self, *purchases: Purchase, terms: Terms = TERMS) -> list[Answer]:
        """All of them in one batch."""
        return await self.db.in_transaction(lambda conn: place_orders(conn, purchases, terms))

    async def buy_one(self, purchase: Purchase, terms: Terms = TERMS) -> Answer:
        """One alone, as if no other buyer were known to it."""
        return (await self.buy(purchase, terms=terms))[0]

    async def race(self, purchases: Sequence[Purchase]) -> list[Answer]:
        """Each in a transaction of its own, as many at once as there are connections."""
        return await asyncio.gather(*(self._queue(purchase) for purchase in purchases))

    async def _queue(self, purchase: Purchase) -> Answer:
        async with self.connections:
            return await self.buy_one(purchase)

    async def is_sound(self) -> bool:
        """Whether all invariants hold; what is broken is shown."""
        async with self.db.read() as conn:
            found = await broken(conn)
        assert found == {}
        return True

    async def counts(self) -> dict[str, int]:
        """How many rows the tables hold that an order writes to, to show that a refusal changed nothing."""
        async with self.db.read() as conn:
            return {table: await _count(conn, table) for table in TABLES}


async def _count(conn: Connection, table: str) -> int:
    return int(await conn.fetch_value(f"SELECT count(*) FROM {table}"))


TABLES = ("orders", "order_lines", "order_events", "stock_moves", "coupon_redemptions", "outbox")

ZONE = """
INSERT INTO delivery_zones (name, freight, free_from) VALUES ('{"en": "City"}', %(freight)s, %(free)s) RETURNING id
"""
WINDOW = """
INSERT INTO delivery_windows (zone_id, starts_at, ends_at, cutoff_at, capacity)
SELECT %(zone)s, start, start + interval '2 hours', start - interval '1 hour', %(room)s
FROM (SELECT now() + interval '1 day' + random() * interval '1 day' AS start) s RETURNING id
"""
PRODUCT = """
WITH c AS (INSERT INTO categories (name) VALUES ('{"en": "Fruit"}') RETURNING id)
INSERT INTO products (category_id, name, status) SELECT id, '{"en": "Apple", "zh": "苹果"}', 'online' FROM c RETURNING id
"""
SKU = """
INSERT INTO skus (product_id, category_id, code, unit, price, weight, stock)
SELECT id, category_id, %(code)s, '{"en": "500 g"}', %(price)s, 500, %(stock)s FROM products WHERE id = %(product)s
RETURNING id
"""
ACCOUNT = """
INSERT INTO accounts (username, username_key, email, email_key, password_hash, activated_at)
VALUES (%(name)s, %(name)s, %(email)s, %(email)s, 'x', now()) RETURNING id
"""
