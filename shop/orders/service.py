"""What happens to an order after it was placed. Each step locks the order first, then (in this order) coupon, window, goods."""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import exists, func

from shop import outbox
from shop.coupons.service import give_back_coupon
from shop.db import Connection, F, Now
from shop.delivery.service import give_back_window
from shop.orders.models import (
    CASH,
    FULFILMENT_TRANSITIONS,
    PAYMENT_TRANSITIONS,
    STAFF_NOTE,
    Actor,
    Fulfilment,
    Goods,
    NotAllowed,
    Order,
    OrderEvent,
    Payment,
    ReturnRequest,
)
from shop.orders.stock import service as stock

CHANNEL = "order_events"


class PaidAs(StrEnum):
    """What a payment meant for the order."""

    PAID = "paid"
    ALREADY_PAID = "already_paid"
    AFTER_CANCEL = "after_cancel"


class WrongAmount(Exception):
    """Another sum than the order's total, or more than is left to refund."""


async def lock_order(conn: Connection, order_id: int) -> Order:
    """The order, locked until the transaction ends; raises Order.DoesNotExist."""
    return await Order.objects.using(conn).locked().get(id=order_id)


async def cancel(
    conn: Connection, order_id: int, *, actor: Actor, account_id: int | None = None, reason: str = ""
) -> None:
    """Cancels before packing and gives everything back once: goods, window, coupon and, later, money; raises NotAllowed."""
    order = await lock_order(conn, order_id)
    await _fulfil(conn, order, Fulfilment.CANCELLED, actor, account_id, {"reason": reason} if reason else {})
    await give_back_coupon(conn, order.id)
    await give_back_window(conn, order.window_id)
    await _give_back_goods(conn, order, fit_for_sale=True)
    await Order.objects.using(conn).filter(id=order.id).update(hold_until=None)
    await outbox.promise(conn, "tasks.mail.send_order_cancelled", order_id=order.id)
    if order.payment in {Payment.PAID, Payment.PARTLY_REFUNDED}:
        await outbox.promise(conn, "tasks.payments.refund", order_id=order.id)


async def release(conn: Connection, order_id: int) -> bool:
    """Cancels an order whose hold has ended unpaid; False when it has been paid or cancelled meanwhile."""
    order = await lock_order(conn, order_id)
    is_over = await Order.objects.using(conn).filter(id=order_id, hold_until__lte=Now()).exists()
    if not is_over or order.payment is not Payment.DUE or order.fulfilment is not Fulfilment.PLACED:
        return False
    await cancel(conn, order_id, actor=Actor.SHOP, reason="unpaid")
    return True


async def ended_holds(conn: Connection, limit: int) -> list[int]:
    """Some orders whose hold has ended, locked; those another sweeper has at this moment are skipped."""
    ended = Order.objects.using(conn).locked(skip_locked=True).filter(hold_until__lte=Now()).order_by("hold_until")
    return await ended.values_list("id", flat=True)[:limit]


async def mark_paid(
    conn: Connection,
    order_id: int,
    amount: int,
    *,
    actor: Actor = Actor.PROVIDER,
    details: Mapping[str, Any] | None = None,
) -> PaidAs:
    """Notes that the whole total has been paid; raises WrongAmount for any other sum (minor units).

    What was held belongs to the buyer from now on. Money for a cancelled order goes back by itself.
    """
    order = await lock_order(conn, order_id)
    if amount != order.total:
        raise WrongAmount(f"{amount} paid for an order of {order.total}")
    if order.payment is not Payment.DUE:
        return PaidAs.ALREADY_PAID
    await _pay(conn, order, Payment.PAID, actor, {**(details or {}), "amount": amount})
    if order.fulfilment is Fulfilment.CANCELLED:
        await outbox.promise(conn, "tasks.payments.refund", order_id=order.id)
        return PaidAs.AFTER_CANCEL
    await _move_goods(conn, order, Goods.SOLD)
    await stock.sell(conn, order.id)
    await Order.objects.using(conn).filter(id=order.id).update(hold_until=None)
    await outbox.promise(conn, "tasks.mail.send_order_paid", order_id=order.id)
    if order.method != CASH:
        await outbox.promise(conn, "tasks.mail.send_new_order", order_id=order.id)
    return PaidAs.PAID


async def mark_refunded(
    conn: Connection,
    order_id: int,
    amount: int,
    *,
    actor: Actor = Actor.PROVIDER,
    details: Mapping[str, Any] | None = None,
) -> Payment:
    """Notes that so much has gone back; raises WrongAmount beyond the total and NotAllowed before it was paid."""
    order = await lock_order(conn, order_id)
    if not 0 < amount <= order.total - order.refunded:
        raise WrongAmount(f"{amount} refunded of {order.total - order.refunded}")
    new = Payment.REFUNDED if order.refunded + amount == order.total else Payment.PARTLY_REFUNDED
    await _pay(conn, order, new, actor, {**(details or {}), "amount": amount})
    await Order.objects.using(conn).filter(id=order.id).update(refunded=F("refunded") + amount)
    await outbox.promise(conn, "tasks.mail.send_order_refunded", order_id=order.id, amount=amount)
    return new


async def pack(conn: Connection, order_id: int, *, account_id: int | None = None) -> None:
    """Packs what is paid or will be paid at the door; raises NotAllowed."""
    order = await lock_order(conn, order_id)
    # What was not to be had goes back before packing, so part of the money may be on its way.
    if order.method != CASH and order.payment not in {Payment.PAID, Payment.PARTLY_REFUNDED}:
        raise NotAllowed("not paid")
    await _fulfil(conn, order, Fulfilment.PACKED, Actor.STAFF, account_id)


async def ship(conn: Connection, order_id: int, *, account_id: int | None = None) -> None:
    """Sends it on its way, or lays it ready at the counter; raises NotAllowed."""
    order = await lock_order(conn, order_id)
    await _fulfil(conn, order, Fulfilment.SHIPPED, Actor.STAFF, account_id)
    await outbox.promise(conn, "tasks.mail.send_order_shipped", order_id=order.id)


async def deliver(conn: Connection, order_id: int, *, account_id: int | None = None) -> None:
    """Hands it over; cash is paid at this moment; raises NotAllowed."""
    order = await lock_order(conn, order_id)
    await _fulfil(conn, order, Fulfilment.DELIVERED, Actor.STAFF, account_id)
    if order.method == CASH:
        await mark_paid(conn, order_id, order.total, actor=Actor.STAFF)


async def finish(
    conn: Connection, order_id: int, *, actor: Actor = Actor.CUSTOMER, account_id: int | None = None
) -> None:
    """The buyer has what was ordered and wants nothing back; raises NotAllowed."""
    order = await lock_order(conn, order_id)
    await _fulfil(conn, order, Fulfilment.FINISHED, actor, account_id)


async def finish_old(conn: Connection, days: int) -> int:
    """Finishes what was delivered so many days ago and nobody has complained about; how many."""
    delivered = exists().where(
        OrderEvent.c.order_id == Order.c.id,
        OrderEvent.c.new == Fulfilment.DELIVERED,
        OrderEvent.c.at < func.now() - timedelta(days=days),
    )
    asked = exists().where(ReturnRequest.c.order_id == Order.c.id)
    old = Order.objects.using(conn).locked(skip_locked=True).filter(fulfilment=Fulfilment.DELIVERED)
    found = await old.where(delivered, ~asked).values_list("id", flat=True)[:100]
    for order_id in found:
        await finish(conn, order_id, actor=Actor.SHOP)
    return len(found)


async def ask_return(conn: Connection, order_id: int, reason: str, *, account_id: int | None = None) -> None:
    """Asks, once and after delivery, to give the goods back; raises NotAllowed."""
    order = await lock_order(conn, order_id)
    if order.fulfilment is not Fulfilment.DELIVERED:
        raise NotAllowed("not delivered")
    _, is_first = await ReturnRequest.objects.using(conn).get_or_create({"reason": reason}, order_id=order_id)
    if not is_first:
        raise NotAllowed("asked already")
    await _tell(conn, order_id, "note", "", "return_asked", Actor.CUSTOMER, account_id, {"reason": reason})


async def decide_return(
    conn: Connection, order_id: int, *, is_accepted: bool, reason: str = "", account_id: int | None = None
) -> None:
    """Answers a request: the shop wants to have the goods back, or does not; raises NotAllowed without an open request."""
    await lock_order(conn, order_id)
    asked = ReturnRequest.objects.using(conn).filter(order_id=order_id, decided_at__isnull=True)
    if not await asked.update(decided_at=Now(), is_accepted=is_accepted):
        raise NotAllowed("nothing is asked")
    told = {"reason": reason} if reason else {}
    answer = "return_accepted" if is_accepted else "return_refused"
    await _tell(conn, order_id, "note", "", answer, Actor.STAFF, account_id, told)
    await outbox.promise(conn, f"tasks.mail.send_{answer}", order_id=order_id)


async def receive_return(conn: Connection, order_id: int, *, fit_for_sale: bool, account_id: int | None = None) -> None:
    """The goods of an accepted return are here: back on the shelf or written off, and the money follows; raises NotAllowed."""
    order = await lock_order(conn, order_id)
    awaited = ReturnRequest.objects.using(conn).filter(order_id=order_id, is_accepted=True, received_at__isnull=True)
    if not await awaited.update(received_at=Now()):
        raise NotAllowed("no return is awaited")
    await _fulfil(conn, order, Fulfilment.RETURNED, Actor.STAFF, account_id)
    await _give_back_goods(conn, order, fit_for_sale=fit_for_sale)
    if order.payment in {Payment.PAID, Payment.PARTLY_REFUNDED}:
        await outbox.promise(conn, "tasks.payments.refund", order_id=order.id)


async def add_note(conn: Connection, order_id: int, text: str, *, by: str) -> None:
    """Adds to the story what only the staff reads; `by` is the name of who writes it."""
    await lock_order(conn, order_id)
    await _tell(conn, order_id, "note", "", STAFF_NOTE, Actor.STAFF, None, {"text": text, "by": by})


async def adopt_orders(conn: Connection, account_id: int, email_key: str) -> int:
    """Gives an account the guest orders of the e-mail it has just proved to be its own; how many."""
    guests = Order.objects.using(conn).filter(account_id__isnull=True, email_key=email_key)
    return await guests.update(account_id=account_id)


async def _fulfil(
    conn: Connection,
    order: Order,
    new: Fulfilment,
    actor: Actor,
    account_id: int | None,
    details: Mapping[str, Any] | None = None,
) -> None:
    old = order.fulfilment
    if new not in FULFILMENT_TRANSITIONS[old]:
        raise NotAllowed(f"{old} does not become {new}")
    if not await Order.objects.using(conn).filter(id=order.id, fulfilment=old).update(fulfilment=new):
        raise NotAllowed(f"no longer {old}")
    await _tell(conn, order.id, "fulfilment", old, new, actor, account_id, details or {})


async def _pay(conn: Connection, order: Order, new: Payment, actor: Actor, details: Mapping[str, Any]) -> None:
    old = order.payment
    if new not in PAYMENT_TRANSITIONS[old]:
        raise NotAllowed(f"{old} does not become {new}")
    if not await Order.objects.using(conn).filter(id=order.id, payment=old).update(payment=new):
        raise NotAllowed(f"no longer {old}")
    await _tell(conn, order.id, "payment", old, new, actor, None, details)


async def _give_back_goods(conn: Connection, order: Order, *, fit_for_sale: bool) -> None:
    await _move_goods(conn, order, Goods.BACK)
    if order.goods is Goods.HELD:
        await stock.release(conn, order.id)
    else:
        await stock.take_back(conn, order.id, fit_for_sale=fit_for_sale)


async def _move_goods(conn: Connection, order: Order, new: Goods) -> None:
    """The mark that goods are moved once: whoever finds it changed already moves nothing."""
    unmoved = Order.objects.using(conn).filter(id=order.id, goods=order.goods)
    if order.goods is Goods.BACK or not await unmoved.update(goods=new):
        raise NotAllowed("the goods are back already")


async def _tell(
    conn: Connection,
    order_id: int,
    machine: str,
    old: str,
    new: str,
    actor: Actor,
    account_id: int | None,
    details: Mapping[str, Any],
) -> None:
    """Adds to the order's story and wakes the pages that show it."""
    params = {"id": order_id, "machine": machine, "old": old, "new": new, "actor": actor, "account": account_id}
    await conn.execute(TELL, {**params, "details": dict(details), "channel": CHANNEL, "payload": str(order_id)})


# Written and told in one trip; a manager has no NOTIFY.
TELL = """
WITH told AS (
    INSERT INTO order_events (order_id, machine, old, new, actor, account_id, details)
    VALUES (%(id)s, %(machine)s, %(old)s, %(new)s, %(actor)s, %(account)s, %(details)s))
SELECT pg_notify(%(channel)s, %(payload)s)
"""
