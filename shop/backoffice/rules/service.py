"""Making, changing and removing cart rules; baskets count with them from their next look on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shop.backoffice.audit import service as audit
from shop.backoffice.audit.models import Actor
from shop.backoffice.coupons.service import in_the_log
from shop.backoffice.versions import EditConflict
from shop.coupons.models import CartRule
from shop.db import Connection


async def add(conn: Connection, actor: Actor, values: Mapping[str, Any]) -> CartRule:
    """A new rule."""
    rule = await CartRule.objects.using(conn).create(**values)
    await audit.record(conn, actor, "rule.created", f"rule:{rule.id}", None, in_the_log(values))
    return rule


async def change(conn: Connection, actor: Actor, rule: CartRule, version: int, values: Mapping[str, Any]) -> None:
    """Another rule in its place; raises EditConflict."""
    if not await CartRule.objects.using(conn).filter(id=rule.id, version=version).update(**values, version=version + 1):
        raise EditConflict
    before = {name: getattr(rule, name) for name in values}
    await audit.record(conn, actor, "rule.changed", f"rule:{rule.id}", in_the_log(before), in_the_log(values))


async def remove(conn: Connection, actor: Actor, rule: CartRule) -> None:
    """The end of a rule; orders keep what it took off."""
    if await CartRule.objects.using(conn).filter(id=rule.id).delete():
        await audit.record(conn, actor, "rule.deleted", f"rule:{rule.id}", {"name": rule.name}, None)
