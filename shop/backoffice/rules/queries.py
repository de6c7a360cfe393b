"""Cart rules with the words for what they are about."""

from collections.abc import Iterable, Mapping, Sequence

from shop.catalog.categories.models import Category
from shop.catalog.models import Sku
from shop.coupons.models import CartRule
from shop.db import Connection
from shop.i18n import text_in


async def rules(conn: Connection) -> list[CartRule]:
    """All of them, as they apply."""
    return await CartRule.objects.using(conn).order_by("position", "id")


async def rule_by_id(conn: Connection, rule_id: int) -> CartRule | None:
    """One of them."""
    return await CartRule.objects.using(conn).filter(id=rule_id).first()


async def category_names(conn: Connection, lang: str) -> Mapping[int, str]:
    """Every category by its number, in the order of the tree."""
    rows = await Category.objects.using(conn).order_by("position", "id")
    return {row.id: text_in(row.name, lang) for row in rows}


async def codes_of(conn: Connection, sku_ids: Sequence[int]) -> list[str]:
    """The codes of these goods, in order."""
    if not sku_ids:
        return []
    return list(
        await Sku.objects.using(conn).filter(id__in=list(sku_ids)).order_by("code").values_list("code", flat=True)
    )


async def skus_by_code(conn: Connection, codes: Iterable[str]) -> Mapping[str, int]:
    """The goods with these codes, those that exist."""
    return dict(await Sku.objects.using(conn).filter(code__in=list(codes)).values_list("code", "id"))
