"""Facts about the whole shop that are neither settings nor rows of anything: one value under a name ("demo", for one)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final

import orjson
from sqlalchemy import ForeignKey, Index, func, text

from shop.db import Connection, Model, Now, column

# The version of what nobody has stated yet; no row has it.
UNSTATED: Final = 0
STATE_FIRST: Final = """
    INSERT INTO shop_facts (key, value, picture) VALUES (%(key)s, %(value)s, %(picture)s) ON CONFLICT DO NOTHING"""


class ShopFact(Model):
    """One fact; whoever edits it names the version that was looked at, and the database gives each change another one."""

    __tablename__ = "shop_facts"
    __table_args__ = (Index("shop_facts_by_picture", "picture", postgresql_where=text("picture IS NOT NULL")),)

    key: str = column(primary_key=True)
    value: dict[str, Any] = column()
    updated_at: datetime = column(server_default=func.now())
    version: int = column(server_default=text("nextval('shop_fact_versions')"))
    picture: str | None = column(ForeignKey("media_files.fingerprint"))


async def facts(conn: Connection, keys: Collection[str]) -> dict[str, ShopFact]:
    """What is stated under these names; those that are not are missing."""
    found = await ShopFact.objects.using(conn).filter(key__in=list(keys))
    return {one.key: one for one in found}


async def fact(conn: Connection, key: str) -> dict[str, Any] | None:
    """What is stated under this name; None when nothing is."""
    found = await ShopFact.objects.using(conn).filter(key=key).first()
    return None if found is None else found.value


async def state_fact(conn: Connection, key: str, value: Mapping[str, Any]) -> None:
    """States a fact, instead of what was stated before."""
    await ShopFact.objects.using(conn).update_or_create(key=key, defaults={"value": dict(value)})


async def edit_fact(
    conn: Connection, key: str, value: Mapping[str, Any], version: int, *, picture: str | None = None
) -> bool:
    """States a fact instead of the one of this version (UNSTATED for none); False, and nothing done, when it is another by now."""
    if version == UNSTATED:
        told = {"key": key, "value": orjson.dumps(dict(value)).decode(), "picture": picture}
        return bool(await conn.execute(STATE_FIRST, told))
    same = ShopFact.objects.using(conn).filter(key=key, version=version)
    return bool(await same.update(value=dict(value), picture=picture, updated_at=Now()))


async def forget_fact(conn: Connection, key: str) -> None:
    """Nothing is stated under this name any more."""
    await ShopFact.objects.using(conn).filter(key=key).delete()
