"""Classes of tax made, changed and taken away; what was ordered keeps the rate of its day."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shop.backoffice.audit import service as audit
from shop.backoffice.audit.models import Actor
from shop.backoffice.versions import EditConflict
from shop.catalog.taxes.models import TaxClass
from shop.catalog.taxes.queries import tax_classes
from shop.db import Connection, ForeignKeyViolation, UniqueViolation


class CodeTaken(Exception):
    """There is a class of this code."""


class ClassInUse(Exception):
    """Goods have this class."""


async def create(conn: Connection, actor: Actor, code: str, values: Mapping[str, Any]) -> None:
    """A class behind the others; raises CodeTaken."""
    last = max((one.position for one in await tax_classes(conn)), default=-1)
    try:
        await TaxClass.objects.using(conn).create(code=code, position=last + 1, **values)
    except UniqueViolation:
        raise CodeTaken from None
    await audit.record(conn, actor, "tax.created", f"tax:{code}", None, dict(values))


async def change(conn: Connection, actor: Actor, found: TaxClass, version: int, values: Mapping[str, Any]) -> None:
    """Other names or another rate, or no longer to be chosen; raises EditConflict."""
    same = TaxClass.objects.using(conn).filter(code=found.code, version=version)
    if not await same.update(**values, version=version + 1):
        raise EditConflict
    before = {name: getattr(found, name) for name in values}
    await audit.record(conn, actor, "tax.changed", f"tax:{found.code}", before, values)


async def remove(conn: Connection, actor: Actor, found: TaxClass) -> None:
    """The end of a class that no goods have; raises ClassInUse."""
    try:
        gone = await TaxClass.objects.using(conn).filter(code=found.code).delete()
    except ForeignKeyViolation:
        raise ClassInUse from None
    if gone:
        before = {name: getattr(found, name) for name in ("name", "rate", "is_active")}
        await audit.record(conn, actor, "tax.deleted", f"tax:{found.code}", before, None)
