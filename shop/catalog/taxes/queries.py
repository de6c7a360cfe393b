"""The classes of tax there are."""

from __future__ import annotations

from shop.catalog.models import Sku
from shop.catalog.taxes.models import TaxClass
from shop.db import Connection


async def tax_classes(conn: Connection) -> list[TaxClass]:
    """All of them in their order, also those that are not chosen any more."""
    return await TaxClass.objects.using(conn).order_by("position", "code")


async def classes_in_use(conn: Connection) -> set[str]:
    """The codes of those that goods have."""
    return set(await Sku.objects.using(conn).distinct().values_list("tax_class", flat=True))


async def classes_for_goods(conn: Connection) -> list[str]:
    """The codes that goods may be given: those of today, and those that some goods have still."""
    in_use = await classes_in_use(conn)
    return [one.code for one in await tax_classes(conn) if one.is_active or one.code in in_use]
