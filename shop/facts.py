"""Facts about the whole shop that are neither settings nor rows of anything: one value under a name ("demo", for one)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import func

from shop.db import Connection, Model, column


class ShopFact(Model):
    """One fact."""

    __tablename__ = "shop_facts"

    key: str = column(primary_key=True)
    value: dict[str, Any] = column()
    updated_at: datetime = column(server_default=func.now())


async def fact(conn: Connection, key: str) -> dict[str, Any] | None:
    """What is stated under this name; None when nothing is."""
    found = await ShopFact.objects.using(conn).filter(key=key).first()
    return None if found is None else found.value


async def state_fact(conn: Connection, key: str, value: Mapping[str, Any]) -> None:
    """States a fact, instead of what was stated before."""
    await ShopFact.objects.using(conn).update_or_create(key=key, defaults={"value": dict(value)})


async def forget_fact(conn: Connection, key: str) -> None:
    """Nothing is stated under this name any more."""
    await ShopFact.objects.using(conn).filter(key=key).delete()
