"""Work on many goods at once: their status, place, prices and stock, and the dates that were set for them. All of it is logged."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Final

from shop.backoffice.audit import service as audit
from shop.backoffice.audit.models import Actor
from shop.backoffice.versions import EditConflict
from shop.catalog.models import Product, ProductStatus, Sku
from shop.catalog.service import bin_product, change_product, change_sku, move_product, restore_product, set_status
from shop.db import Connection, Now, QuerySet
from shop.orders.stock.service import receive, write_off

# Who changes what was planned, for the log.
CLOCK: Final = Actor(None, "Bayberry")


class Deed(StrEnum):
    """What can be done to many goods at once."""

    ONLINE = "online"
    OFFLINE = "offline"
    MOVE = "move"
    BIN = "bin"
    RESTORE = "restore"


class BelowOffer(Exception):
    """The price would not be above the price of the offer."""


class Reason(StrEnum):
    """Why a stock changes by hand."""

    RECEIVED = "received"
    WRITTEN_OFF = "written_off"
    COUNTED = "counted"


async def do_to_all(
    conn: Connection, actor: Actor, deed: Deed, product_ids: Sequence[int], category_id: int = 0
) -> int:
    """The same to each of these products; how many were changed. Those that are so already are left alone."""
    locked = Product.objects.using(conn).filter(id__in=list(product_ids)).order_by("id").select_for_update(no_key=True)
    done = [product for product in await locked if await _do(conn, deed, product, category_id)]
    for product in done:
        await audit.record(conn, actor, *_told(deed, product, category_id))
    return len(done)


async def _do(conn: Connection, deed: Deed, product: Product, category_id: int) -> bool:
    if (deed is Deed.RESTORE) != (product.deleted_at is not None):
        return False
    if deed is Deed.BIN:
        await bin_product(conn, product.id)
    elif deed is Deed.RESTORE:
        await restore_product(conn, product.id)
    elif deed is Deed.MOVE:
        if product.category_id == category_id:
            return False
        await move_product(conn, product.id, category_id)
    else:
        if product.status == deed.value:
            return False
        await set_status(conn, product.id, deed.value)
    return True


def _told(deed: Deed, product: Product, category_id: int) -> tuple[str, str, dict[str, Any], dict[str, Any]]:
    name = f"product:{product.id}"
    if deed is Deed.BIN:
        return "product.binned", name, {}, {}
    if deed is Deed.RESTORE:
        return "product.restored", name, {}, {}
    if deed is Deed.MOVE:
        return "product.moved", name, {"category": product.category_id}, {"category": category_id}
    action = "product.published" if deed is Deed.ONLINE else "product.changed"
    return action, name, {"status": product.status}, {"status": deed.value}


async def set_price(conn: Connection, actor: Actor, sku_id: int, price: int, *, version: int) -> None:
    """Another price (minor units) for the size that was seen in this version; raises EditConflict and BelowOffer."""
    sku = await _sku(conn, sku_id).first()
    if sku is None or sku.version != version:
        raise EditConflict
    if sku.offer_price is not None and price <= sku.offer_price:
        raise BelowOffer
    await change_sku(conn, sku_id, price=price)
    await audit.record(conn, actor, "sku.changed", f"sku:{sku_id}", {"price": sku.price}, {"price": price})


async def move_stock(conn: Connection, actor: Actor, sku_id: int, reason: Reason, quantity: int) -> int:
    """So many came, were lost, or lie there by count; the stock now. Raises StockMoved when more are lost than there are."""
    sku = await _sku(conn, sku_id).get()
    if reason is Reason.COUNTED:
        change = quantity - sku.stock
    else:
        change = quantity if reason is Reason.RECEIVED else -quantity
    if change > 0:
        await receive(conn, sku_id, change, reason)
    elif change < 0:
        await write_off(conn, sku_id, -change, reason)
    after = sku.stock + change
    await audit.record(conn, actor, f"stock.{reason}", f"sku:{sku_id}", {"stock": sku.stock}, {"stock": after})
    return after


async def keep_dates(conn: Connection, limit: int) -> int:
    """Put goods online and offline whose moment has come; how many were changed. Several at once share the work."""
    waiting = Product.objects.using(conn).filter(deleted_at__isnull=True).order_by("id")
    waiting = waiting.select_for_update(no_key=True, skip_locked=True)
    coming = await waiting.filter(online_from__lte=Now())[:limit]
    for product in coming:
        await _turn(conn, product, ProductStatus.ONLINE, online_from=None)
    going = await waiting.filter(online_until__lte=Now())[:limit]
    for product in going:
        await _turn(conn, product, ProductStatus.OFFLINE, online_from=None, online_until=None)
    return len(coming) + len(going)


async def _turn(conn: Connection, product: Product, status: ProductStatus, **planned: None) -> None:
    await change_product(conn, product.id, status=status, **planned)
    action = "product.published" if status is ProductStatus.ONLINE else "product.changed"
    await audit.record(conn, CLOCK, action, f"product:{product.id}", {"status": product.status}, {"status": status})


def _sku(conn: Connection, sku_id: int) -> QuerySet[Sku]:
    return Sku.objects.using(conn).filter(id=sku_id).select_for_update(no_key=True)
