"""The steps of an order that staff take: the shop's own verbs, each with its entry in the log."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from shop.backoffice.audit import service as audit
from shop.backoffice.audit.models import Actor
from shop.db import Connection
from shop.orders import service as orders
from shop.orders.models import Actor as Mover
from shop.orders.models import Fulfilment, Order
from shop.payments.queries import captured_payment
from shop.payments.refunds.service import refund as refund_payment

Verb = Callable[[Connection, int], Awaitable[None]]
STEPS: Final[Mapping[Fulfilment, Verb]] = {
    Fulfilment.PACKED: orders.pack,
    Fulfilment.SHIPPED: orders.ship,
    Fulfilment.DELIVERED: orders.deliver,
}


class RefundedMeanwhile(Exception):
    """More has gone back than whoever decided had seen: a second click, or a colleague."""


async def step(conn: Connection, actor: Actor, order_id: int, new: Fulfilment) -> None:
    """Pack, ship or hand over; raises NotAllowed and Order.DoesNotExist."""
    before = await orders.lock_order(conn, order_id)
    await STEPS[new](conn, order_id)
    await _record(conn, actor, f"order.{new}", before)


async def cancel(conn: Connection, actor: Actor, order_id: int, reason: str) -> None:
    """Cancel before packing; goods, window, coupon and money go back. Raises NotAllowed and Order.DoesNotExist."""
    before = await orders.lock_order(conn, order_id)
    await orders.cancel(conn, order_id, actor=Mover.STAFF, reason=reason)
    await _record(conn, actor, "order.cancelled", before, reason=reason)


async def note(conn: Connection, actor: Actor, order_id: int, text: str) -> None:
    """Write what colleagues should know; raises Order.DoesNotExist."""
    await orders.add_note(conn, order_id, text, by=actor.name)
    # What people write may be about a person, so the log says only that something was written.
    await audit.record(conn, actor, "order.noted", f"order:{order_id}", None, {"note": text}, personal=("note",))


async def refund(conn: Connection, actor: Actor, order_id: int, amount: int, reason: str, *, seen: int) -> None:
    """Promise so much (minor units) back, if no more than `seen` has gone back before.

    Raises RefundedMeanwhile, WrongAmount, NotAllowed and Order.DoesNotExist.
    """
    order = await orders.lock_order(conn, order_id)
    payment = await captured_payment(conn, order_id)
    before = payment.refunded if payment else order.refunded
    if before != seen:
        raise RefundedMeanwhile
    await refund_payment(conn, order_id, amount, reason)
    told = {"given_back": before + amount, "reason": reason}
    await audit.record(conn, actor, "order.refunded", f"order:{order_id}", {"given_back": before}, told)


async def answer_return(conn: Connection, actor: Actor, order_id: int, *, is_accepted: bool, reason: str = "") -> None:
    """Approve or reject a request; raises NotAllowed when it is answered, and Order.DoesNotExist."""
    await orders.decide_return(conn, order_id, is_accepted=is_accepted, reason=reason)
    deed = "return.approved" if is_accepted else "return.rejected"
    await audit.record(conn, actor, deed, f"order:{order_id}", None, {"reason": reason} if reason else None)


async def receive_return(conn: Connection, actor: Actor, order_id: int, *, fit_for_sale: bool) -> None:
    """The goods are here: on the shelf again or written off, and the money follows; raises NotAllowed and Order.DoesNotExist."""
    before = await orders.lock_order(conn, order_id)
    await orders.receive_return(conn, order_id, fit_for_sale=fit_for_sale)
    await _record(conn, actor, "return.received", before, goods="restored" if fit_for_sale else "written_off")


async def _record(conn: Connection, actor: Actor, deed: str, before: Order, **more: str) -> None:
    after = await Order.objects.using(conn).get(id=before.id)
    more = {name: value for name, value in more.items() if value}
    await audit.record(conn, actor, deed, f"order:{before.id}", _state(before), {**_state(after), **more})


def _state(order: Order) -> dict[str, str]:
    return {"fulfilment": order.fulfilment.value, "payment": order.payment.value}
