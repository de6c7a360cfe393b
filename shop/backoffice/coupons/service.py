"""Making and changing coupons; the code of one that exists stays, for it stands on paper somewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shop.backoffice.audit import service as audit
from shop.backoffice.audit.models import Actor
from shop.backoffice.versions import EditConflict
from shop.coupons.models import Coupon, DiscountKind
from shop.coupons.queries import code_key
from shop.coupons.service import new_code
from shop.db import Connection


async def add(conn: Connection, actor: Actor, code: str, values: Mapping[str, Any]) -> Coupon:
    """A new coupon; raises UniqueViolation for a code that exists."""
    coupon = await Coupon.objects.using(conn).create(code=code_key(code) if code else new_code(), **values)
    await audit.record(
        conn, actor, "coupon.created", f"coupon:{coupon.id}", None, {"code": coupon.code, **in_the_log(values)}
    )
    return coupon


async def change(conn: Connection, actor: Actor, coupon: Coupon, version: int, values: Mapping[str, Any]) -> None:
    """Other terms from the next order on; raises EditConflict, and CheckViolation for a limit below what is used."""
    same = Coupon.objects.using(conn).filter(id=coupon.id, version=version)
    if not await same.update(**values, version=version + 1):
        raise EditConflict
    before = {name: getattr(coupon, name) for name in values}
    await audit.record(conn, actor, "coupon.changed", f"coupon:{coupon.id}", in_the_log(before), in_the_log(values))


def in_the_log(values: Mapping[str, Any]) -> dict[str, Any]:
    """A discount by the field it is typed in: of 10 alone nobody could say later whether it was money or a share."""
    told = {name: value for name, value in values.items() if name not in {"kind", "value"}}
    return {"percent" if values["kind"] == DiscountKind.PERCENT else "amount": values["value"], **told}
