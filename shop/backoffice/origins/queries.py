"""Origins, and how many goods come from each."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Mapping

from shop.catalog.models import Origin, Sku
from shop.db import Connection


async def origins(conn: Connection) -> list[Origin]:
    """All of them, those that are offered first."""
    return await Origin.objects.using(conn).order_by("-is_offered", "code")


async def origin_by_id(conn: Connection, origin_id: int) -> Origin | None:
    """One of them."""
    return await Origin.objects.using(conn).filter(id=origin_id).first()


async def sizes_by_origin(conn: Connection) -> Mapping[int, int]:
    """How many sizes of products name each origin."""
    named = await Sku.objects.using(conn).filter(origin_id__isnull=False).values_list("origin_id", flat=True)
    return Tally(named)


async def is_known(conn: Connection, name: Mapping[str, str], *, but: int | None = None) -> bool:
    """Whether another origin has one of these names, in whatever letters."""
    wanted = {(lang, text.casefold()) for lang, text in name.items()}
    others = [one for one in await Origin.objects.using(conn).all() if one.id != but]
    return any((lang, text.casefold()) in wanted for one in others for lang, text in one.name.items())
