"""The payment machine: whatever a provider says, by notice, on return or when asked, goes through `apply`. The order is locked first."""

from __future__ import annotations

from typing import Any, Final

from shop.db import Connection, Now
from shop.orders import service as orders
from shop.orders.holds import change_method
from shop.orders.models import CASH, Fulfilment, NotAllowed, Order
from shop.orders.models import Payment as OrderPayment
from shop.payments.models import TRANSITIONS, Notice, Outcome, Payment, PaymentNotice, Report, State, Status
from shop.payments.queries import kept_notices, open_payment, payment_by_id, payment_of
from shop.payments.refunds.service import give_back_surplus

# More tries than this at one order are no shopper's.
MOST_TRIES: Final = 20


class StillOpen(Exception):
    """A former try may still bring money; it has to be closed at its provider first."""

    def __init__(self, payment: Payment) -> None:
        super().__init__(payment.reference)
        self.payment = payment


async def begin(conn: Connection, order_id: int, provider: str) -> Payment:
    """A new try to pay the whole order, until its hold ends; raises NotAllowed when it no longer waits, and StillOpen.

    A notice that was quicker than we are counts from here on.
    """
    order = await orders.lock_order(conn, order_id)
    former = await open_payment(conn, order_id)
    if former is not None:
        raise StillOpen(former)
    tries = await conn.fetch_value(TRIES, {"id": order_id})
    if tries is None or tries >= MOST_TRIES:
        raise NotAllowed("not waiting for payment")
    await change_method(conn, order_id, provider)
    reference = f"{order.number.replace('-', '')}_{tries + 1}"
    await conn.execute(QUEUE_FOR_REFERENCE, {"reference": f"{provider}:{reference}"})
    payment_id = await conn.fetch_value(BEGIN, {"id": order_id, "provider": provider, "reference": reference})
    for notice in await kept_notices(conn, provider, reference):
        report = Report(
            provider=provider,
            reference=reference,
            status=Status(notice.status),
            trade_no=notice.trade_no,
            amount=notice.amount,
            currency=notice.currency,
        )
        await _note(conn, notice.id, await apply(conn, report))
    return await payment_by_id(conn, payment_id)


async def pay_at_the_door(conn: Connection, order_id: int) -> None:
    """Cash instead of a bank; raises NotAllowed when the order no longer waits, and StillOpen."""
    await orders.lock_order(conn, order_id)
    former = await open_payment(conn, order_id)
    if former is not None:
        raise StillOpen(former)
    await change_method(conn, order_id, CASH)


async def take_notice(conn: Connection, notice: Notice) -> Outcome:
    """Claims a verified notice and applies it, in one transaction; a repeated one changes nothing.

    One whose payment is not there yet is kept, and counts as soon as it is.
    """
    notice_id = await claim(conn, notice)
    if notice_id is None:
        return Outcome.REPEATED
    outcome = await apply(conn, notice)
    if outcome is Outcome.KEPT:
        # A payment that is being begun at this moment either sees this notice or is seen by it.
        await conn.execute(QUEUE_FOR_REFERENCE, {"reference": f"{notice.provider}:{notice.reference}"})
        outcome = await apply(conn, notice)
    if outcome is not Outcome.KEPT:
        await _note(conn, notice_id, outcome)
    return outcome


async def claim(conn: Connection, notice: Notice) -> int | None:
    """The row of a notice that nobody has taken before, None for a repetition."""
    params = {
        "provider": notice.provider,
        "event": notice.event_id,
        "reference": notice.reference,
        "status": notice.status,
        "trade": notice.trade_no,
        "amount": notice.amount,
        "currency": notice.currency,
    }
    claimed: int | None = await conn.fetch_value(CLAIM, params)
    return claimed


async def apply(conn: Connection, report: Report) -> Outcome:
    """Makes of the order what the provider says of its payment: the one function behind notice, return page and poller."""
    found = await payment_of(conn, report.provider, report.reference)
    if found is None:
        return Outcome.KEPT
    order = await orders.lock_order(conn, found.order_id)
    payment = await payment_by_id(conn, found.id)
    if report.status is Status.PAID:
        return await _take_money(conn, order, payment, report)
    if report.status is Status.CLOSED:
        return await _close(conn, payment)
    return Outcome.NOTHING


async def _take_money(conn: Connection, order: Order, payment: Payment, report: Report) -> Outcome:
    owner = await Payment.objects.using(conn).filter(provider=report.provider, trade_no=report.trade_no).first()
    if not _fits(payment, owner, report):
        return await _mismatch(conn, payment, report)
    if owner is not None:
        return Outcome.REPEATED
    if not TRANSITIONS[payment.state]:
        payment = await _another_trade(conn, payment, report)
    if order.payment is not OrderPayment.DUE:
        await _move(conn, payment, State.SURPLUS, trade_no=report.trade_no)
        await give_back_surplus(conn, payment)
        return Outcome.SURPLUS
    await _move(conn, payment, State.CAPTURED, trade_no=report.trade_no)
    told = {"provider": payment.provider, "reference": payment.reference}
    await orders.mark_paid(conn, order.id, payment.amount, details=told)
    return Outcome.PAID_AFTER_CANCEL if order.fulfilment is Fulfilment.CANCELLED else Outcome.PAID


def _fits(payment: Payment, owner: Payment | None, report: Report) -> bool:
    """Whether it is the money we asked for: this amount, in this currency, and no trade of another payment."""
    is_ours = owner is None or owner.reference in {payment.reference, _reference_of(payment, report)}
    return bool(report.trade_no and is_ours and (report.amount, report.currency) == (payment.amount, payment.currency))


async def _mismatch(conn: Connection, payment: Payment, report: Report) -> Outcome:
    """Something is wrong with this money: nothing follows from it but an alarm, and people have to look."""
    seen = {"amount": report.amount, "currency": report.currency, "trade_no": report.trade_no}
    if State.MISMATCH in TRANSITIONS[payment.state]:
        await _move(conn, payment, State.MISMATCH, problem=seen)
    return Outcome.MISMATCH


async def _another_trade(conn: Connection, payment: Payment, report: Report) -> Payment:
    """Somebody has paid the same bill twice: the second money gets a payment of its own."""
    return await Payment.objects.using(conn).create(
        order_id=payment.order_id,
        provider=payment.provider,
        reference=_reference_of(payment, report),
        state=State.CLOSED,
        amount=payment.amount,
        currency=payment.currency,
        started_at=payment.started_at,
        expires_at=payment.expires_at,
    )


def _reference_of(payment: Payment, report: Report) -> str:
    return f"{payment.reference}/{report.trade_no}"


async def _close(conn: Connection, payment: Payment) -> Outcome:
    if State.CLOSED not in TRANSITIONS[payment.state]:
        return Outcome.NOTHING
    # A page that somebody left open at the provider may still bring money: it is asked until the payment's time is over.
    await _move(conn, payment, State.CLOSED, ask_at=payment.ask_at)
    return Outcome.CLOSED


async def _move(conn: Connection, payment: Payment, new: State, **facts: Any) -> None:
    """The one way a payment changes: from the state it was read in, or not at all."""
    here = Payment.objects.using(conn).filter(id=payment.id, state=payment.state)
    changes = {"state": new, "settled_at": Now(), "ask_at": None, **facts}
    if new not in TRANSITIONS[payment.state] or not await here.update(**changes):
        raise NotAllowed(f"{payment.state} does not become {new}")


async def _note(conn: Connection, notice_id: int, outcome: Outcome) -> None:
    await PaymentNotice.objects.using(conn).filter(id=notice_id).update(processed_at=Now(), outcome=outcome)


# One look at the order and its tries by the server's clock; NULL for an order that cannot be paid (any more).
TRIES = """
SELECT (SELECT count(*) FROM payments p WHERE p.order_id = o.id) FROM orders o
WHERE o.id = %(id)s AND o.payment = 'due' AND o.fulfilment = 'placed' AND o.hold_until > now()
"""

# The first look at the provider follows by the server's clock.
BEGIN = """
INSERT INTO payments (order_id, provider, reference, amount, currency, expires_at, ask_at)
SELECT id, %(provider)s, %(reference)s, total, currency, hold_until, now() + interval '15 seconds'
FROM orders WHERE id = %(id)s RETURNING id
"""

# A lock on what is not there yet.
QUEUE_FOR_REFERENCE = "SELECT pg_advisory_xact_lock(hashtextextended(%(reference)s, 0))"

# The claim: whoever inserts the row may act on it, everybody else waits for that and goes away.
CLAIM = """
INSERT INTO payment_notices (provider, event_id, reference, status, trade_no, amount, currency)
VALUES (%(provider)s, %(event)s, %(reference)s, %(status)s, %(trade)s, %(amount)s, %(currency)s)
ON CONFLICT (provider, event_id) DO NOTHING RETURNING id
"""
