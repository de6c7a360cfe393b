"""What can be told about payments."""

from __future__ import annotations

from shop.db import Connection, Now
from shop.payments.models import Payment, PaymentNotice, Refund, State


async def payment_of(conn: Connection, provider: str, reference: str) -> Payment | None:
    """The payment a provider knows by our reference."""
    return await Payment.objects.using(conn).filter(provider=provider, reference=reference).first()


async def payment_by_id(conn: Connection, payment_id: int) -> Payment:
    """The payment with that id; raises Payment.DoesNotExist."""
    return await Payment.objects.using(conn).get(id=payment_id)


async def payments_of(conn: Connection, order_id: int) -> list[Payment]:
    """An order's payments, oldest first."""
    return await Payment.objects.using(conn).filter(order_id=order_id).order_by("id")


async def latest_payment(conn: Connection, order_id: int) -> Payment | None:
    """The last try to pay an order."""
    return await Payment.objects.using(conn).filter(order_id=order_id).order_by("-id").first()


async def open_payment(conn: Connection, order_id: int) -> Payment | None:
    """The try that may still bring money at any moment; there is at most one."""
    return await Payment.objects.using(conn).filter(order_id=order_id, state=State.OPEN).first()


async def captured_payment(conn: Connection, order_id: int) -> Payment | None:
    """The payment that counts."""
    return await Payment.objects.using(conn).filter(order_id=order_id, state=State.CAPTURED).first()


async def kept_notices(conn: Connection, provider: str, reference: str) -> list[PaymentNotice]:
    """Notices that came before their payment, in the order of their coming."""
    found = PaymentNotice.objects.using(conn).filter(provider=provider, reference=reference, processed_at__isnull=True)
    return await found.order_by("id")


async def refund_by_id(conn: Connection, refund_id: int) -> Refund | None:
    """A refund with its payment."""
    return await Refund.objects.using(conn).select_related("payment").filter(id=refund_id).first()


async def refunds_of(conn: Connection, order_id: int) -> list[Refund]:
    """What went back or is on its way, of all payments of an order, oldest first."""
    return await Refund.objects.using(conn).filter(payment__order_id=order_id).order_by("id")


async def ended_with_open_payment(conn: Connection, limit: int) -> list[Payment]:
    """Open payments of orders whose hold has ended: their providers are asked before the goods go back."""
    ended = Payment.objects.using(conn).filter(state=State.OPEN, order__hold_until__lte=Now())
    return await ended.order_by("order__hold_until", "id")[:limit]
