"""Money that goes back: promised in the transaction that decides it, sent by a worker, noted when the provider has done it."""

from __future__ import annotations

from uuid import uuid4

from shop import outbox
from shop.db import Connection, Now
from shop.orders import service as orders
from shop.orders.models import CASH, Actor, NotAllowed
from shop.orders.models import Payment as OrderPayment
from shop.orders.service import WrongAmount
from shop.payments.models import Payment, Refund, RefundState, State
from shop.payments.queries import captured_payment, refund_by_id

SEND = "tasks.payments.send_refund"


async def refund(
    conn: Connection, order_id: int, amount: int, reason: str = "", *, by: int | None = None, key: str | None = None
) -> int | None:
    """Promises so much (minor units) of a paid order back and returns the refund's id; `by` is the account that decided it.

    The same `key` again is the same refund. Cash is given by hand: it is noted at once, and there is no id. Raises
    WrongAmount beyond what is left, NotAllowed before anything was paid and for a key that was used for something else.
    """
    order = await orders.lock_order(conn, order_id)
    payment = await captured_payment(conn, order_id)
    if payment is not None:
        return await _promise(conn, payment, amount, reason, by, key or uuid4().hex)
    if order.method != CASH or order.payment is OrderPayment.DUE:
        raise NotAllowed("nothing was paid")
    told = {"reason": reason, **({"by": by} if by else {})}
    await orders.mark_refunded(conn, order_id, amount, actor=Actor.STAFF, details=told)
    return None


async def refund_rest(conn: Connection, order_id: int) -> int:
    """Promises back what is left of an order's payment, as often as one likes; how much, 0 when nothing is."""
    await orders.lock_order(conn, order_id)
    payment = await captured_payment(conn, order_id)
    rest = payment.amount - payment.refunded if payment else 0
    if payment and rest:
        await _promise(conn, payment, rest, "", None, uuid4().hex)
    return rest


async def give_back_surplus(conn: Connection, payment: Payment) -> None:
    """Promises a payment back that came beside the one that counts."""
    await _promise(conn, payment, payment.amount, "paid twice", None, f"surplus:{payment.id}")


async def note_done(conn: Connection, refund_id: int) -> bool:
    """Notes that the provider has sent it, and promises the mail; False when that is known already."""
    found = await _lock(conn, refund_id)
    if not await _settle(conn, found, RefundState.DONE):
        return False
    payment = found.payment
    if payment.state is State.CAPTURED:
        told = {"refund": refund_id, "reason": found.reason}
        await orders.mark_refunded(conn, payment.order_id, found.amount, details=told)
    else:
        task = "tasks.mail.send_order_refunded"
        await outbox.promise(conn, task, order_id=payment.order_id, amount=found.amount)
    return True


async def note_refused(conn: Connection, refund_id: int) -> bool:
    """Notes that the provider will never send it; what was set aside for it can be asked for again."""
    found = await _lock(conn, refund_id)
    if not await _settle(conn, found, RefundState.REFUSED):
        return False
    await conn.execute(RESERVE, {"id": found.payment_id, "amount": -found.amount})
    return True


async def _lock(conn: Connection, refund_id: int) -> Refund:
    found = await refund_by_id(conn, refund_id)
    if found is None:
        raise NotAllowed(f"no refund {refund_id}")
    await orders.lock_order(conn, found.payment.order_id)
    return found


async def _settle(conn: Connection, found: Refund, new: RefundState) -> bool:
    asked = Refund.objects.using(conn).filter(id=found.id, state=RefundState.ASKED)
    return bool(await asked.update(state=new, settled_at=Now()))


async def _promise(conn: Connection, payment: Payment, amount: int, reason: str, by: int | None, key: str) -> int:
    params = {"payment": payment.id, "key": key, "amount": amount, "reason": reason, "by": by}
    if amount <= 0:
        raise WrongAmount(f"{amount} to give back")
    refund_id: int | None = await conn.fetch_value(ASK, params)
    if refund_id is None:
        return await _same_refund(conn, payment, amount, key)
    if not await conn.execute(RESERVE, {"id": payment.id, "amount": amount}):
        raise WrongAmount(f"{amount} to give back of a payment of {payment.amount}")
    await outbox.promise(conn, SEND, refund_id=refund_id)
    return refund_id


async def _same_refund(conn: Connection, payment: Payment, amount: int, key: str) -> int:
    same = await Refund.objects.using(conn).filter(key=key, payment_id=payment.id, amount=amount).first()
    if same is None:
        raise NotAllowed("this key was used for another refund")
    return same.id


# The key decides: the second to come gets no row.
ASK = """
INSERT INTO refunds (payment_id, key, amount, reason, account_id)
VALUES (%(payment)s, %(key)s, %(amount)s, %(reason)s, %(by)s) ON CONFLICT (key) DO NOTHING RETURNING id
"""

# The guard, and the CHECK behind it: never more than was paid.
RESERVE = """
UPDATE payments SET refunded = refunded + %(amount)s
WHERE id = %(id)s AND state IN ('captured', 'surplus') AND refunded + %(amount)s BETWEEN 0 AND amount
"""
