"""What payments promise: money back, and asking providers again when a notice was lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import structlog

from shop import outbox
from shop.orders.holds import keep_holding
from shop.orders.models import CASH
from shop.orders.queries import order_by_id
from shop.orders.recipients import recipients_of
from shop.outbox import Hopeless, Lease, NotNow
from shop.payments.models import Payment, RefundState
from shop.payments.providers.base import ProviderAway, RefundRefused
from shop.payments.queries import ended_with_open_payment, refund_by_id
from shop.payments.refunds.service import note_done, note_refused, refund_rest
from shop.payments.settling import claim_due, look_after, settle
from tasks.runtime import Workshop, promised

AT_ONCE: Final = 50
CALLS_AT_ONCE: Final = 10
# A hold whose provider cannot be asked goes on in steps of a minute, but not for ever.
LONGER_SECONDS: Final = 60
LONGEST_SECONDS: Final = 3600

log = structlog.get_logger("tasks.payments")


@promised("tasks.payments.refund")
async def refund(shop: Workshop, held: Lease, *, order_id: int) -> None:
    """Promise what is left of a paid order back; cash is given back by people, who are told so."""
    async with shop.db.transaction() as conn:
        order = await order_by_id(conn, order_id)
        if order is None or await refund_rest(conn, order_id) or order.method != CASH:
            return
        rest = order.total - order.refunded
        due = {"order_id": order_id, "news": "cash_due", "amount": rest}
        addresses = await recipients_of(conn, shop.settings.order_mails)
        mails = [("tasks.mail.send_to_shop", {**due, "to": to}) for to in addresses]
        if rest:
            await outbox.promise_all(conn, mails)


@promised("tasks.payments.send_refund")
async def send_refund(shop: Workshop, held: Lease, *, refund_id: int) -> None:
    """Have the provider give money back, and note it; what it refuses for good is an alarm for people."""
    async with shop.db.read() as conn:
        found = await refund_by_id(conn, refund_id)
    if found is None or found.state is not RefundState.ASKED:
        return
    provider = shop.providers.get(found.payment.provider)
    if provider is None:
        raise Hopeless(f"no provider called {found.payment.provider} is switched on")
    try:
        await provider.refund(found.payment, found)
    except ProviderAway as problem:
        raise NotNow(str(problem)) from problem
    except RefundRefused as problem:
        await shop.db.in_transaction(lambda conn: note_refused(conn, refund_id))
        raise Hopeless(f"{provider.name} refuses: {problem}") from problem
    await shop.db.in_transaction(lambda conn: note_done(conn, refund_id))


@promised("tasks.payments.poll")
async def poll(shop: Workshop, held: Lease) -> None:
    """Ask about payments that have said nothing for a while, a bounded number at a time; others ask about others."""
    async with shop.db.transaction() as conn:
        due = await claim_due(conn, AT_ONCE)
    await _each(due, lambda payment: look_after(shop.db, shop.providers, payment))


async def ask_before_release(shop: Workshop) -> None:
    """Ask the providers of orders whose hold has ended: what was paid stays, what was not is closed first."""
    async with shop.db.read() as conn:
        ended = await ended_with_open_payment(conn, AT_ONCE)
    await _each(ended, lambda payment: _settle(shop, payment))


async def _settle(shop: Workshop, payment: Payment) -> None:
    provider = shop.providers.get(payment.provider)
    try:
        if provider is None:
            raise ProviderAway("switched off")
        await settle(shop.db, provider, payment)
    except ProviderAway as problem:
        log.warning("a hold ends and its provider is away", payment=payment.id, error=str(problem))
        async with shop.db.transaction() as conn:
            await keep_holding(conn, payment.order_id, LONGER_SECONDS, at_most=LONGEST_SECONDS)


async def _each(payments: Sequence[Payment], work: Callable[[Payment], Awaitable[None]]) -> None:
    """A few at a time, so that one provider that hangs holds up nobody for longer than its budget."""
    free = asyncio.Semaphore(CALLS_AT_ONCE)

    async def one(payment: Payment) -> None:
        async with free:
            await work(payment)

    await asyncio.gather(*(one(payment) for payment in payments))
