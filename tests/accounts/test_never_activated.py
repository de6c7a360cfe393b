"""Accounts that nobody ever activated are forgotten after thirty days; everybody else stays, and nobody is told."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from shop.accounts.models import Account, PendingRegistration
from shop.accounts.registration.service import register
from shop.accounts.security.models import Origin
from shop.accounts.service import forget_never_activated
from shop.db import Database
from shop.orders.placing.models import Placed
from shop.outbox import Lease
from tasks.accounts import forget
from tests.orders.market import Market
from tests.world import password_hash

AGE = """
    WITH a AS (UPDATE accounts SET created_at = now() - make_interval(days => %(days)s) WHERE email_key = %(key)s RETURNING id)
    UPDATE pending_registrations p SET created_at = now() - make_interval(days => %(again)s) FROM a WHERE p.account_id = a.id"""
COUNTS = """
    SELECT (SELECT count(*) FROM pending_registrations) AS pending, (SELECT count(*) FROM security_events) AS events,
        (SELECT count(*) FROM reserved_usernames) AS names, (SELECT count(*) FROM outbox) AS promises"""


async def registered(db: Database, name: str, *, days: int, again: int | None = None, also: str = "") -> None:
    """Somebody who registered so many days ago, and typed it once more later; `also` is what happened since."""
    key = f"{name}@example.com"
    async with db.transaction() as conn:
        hashed = password_hash()
        await register(conn, username=name, email=key, password_hash=hashed, language="en", origin=Origin())
        await conn.execute(AGE, {"days": days, "again": days if again is None else again, "key": key})
        if also:
            # A test's own words.
            await conn.execute(f"UPDATE accounts SET {also} = now() WHERE email_key = %(key)s", {"key": key})
        await conn.execute("DELETE FROM outbox")


async def people(db: Database) -> list[str]:
    async with db.read() as conn:
        return list(await Account.objects.using(conn).order_by("id").values_list("username", flat=True))


async def test_only_who_never_activated_in_thirty_days_is_forgotten(db: Database) -> None:
    await registered(db, "gone-too", days=400)
    await registered(db, "young", days=29)
    await registered(db, "again", days=400, again=2)
    for since in ("activated_at", "erased_at", "deactivated_at"):
        await registered(db, since.partition("_")[0], days=400, also=since)
    await registered(db, "buyer", days=400)
    await registered(db, "gone", days=31)  # the last, for each registration forgets old ones of others
    market = await Market.open(db)
    placed = await market.buy_one(market.wish((await market.sku(5), 1), total=2000, email="buyer@example.com"))
    assert isinstance(placed, Placed)
    async with db.transaction() as conn:
        buyer = await Account.objects.using(conn).get(username="buyer")
        await conn.execute("UPDATE orders SET account_id = %(id)s", {"id": buyer.id})
        await conn.execute("DELETE FROM outbox")
        before = await conn.fetch_one(COUNTS)
        assert before is not None
        assert await forget_never_activated(conn, 1) == 1
        assert await forget_never_activated(conn, 100) == 1
        assert await forget_never_activated(conn, 100) == 0
        after = await conn.fetch_one(COUNTS)
    assert await people(db) == ["young", "again", "activated", "erased", "deactivated", "buyer"]
    assert after is not None
    assert (after.pending, after.events) == (before.pending - 1, before.events - 2)
    assert (after.names, after.promises) == (before.names, 0)


async def test_the_worker_forgets_all_and_the_address_is_free_again(db: Database) -> None:
    for name in ("one", "two", "three"):
        await registered(db, name, days=31)
    shop: Any = type("Shop", (), {"db": db})()
    await forget(shop, Lease(1, uuid4(), uuid4(), "tasks.accounts.forget_never_activated", {}, 1))
    assert await people(db) == []
    async with db.transaction() as conn:
        origin = Origin()
        await register(
            conn, username="lin", email="one@example.com", password_hash=password_hash(), language="en", origin=origin
        )
        assert await PendingRegistration.objects.using(conn).values_list("username", flat=True) == ["lin"]
    assert await people(db) == ["lin"]
