"""Asking providers and believing what they say: behind the return page, the button that pays again, the poller and the sweeper alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import structlog

from shop.db import Connection, Database, Now
from shop.metrics import PAYMENTS
from shop.orders.models import Fulfilment
from shop.orders.models import Payment as OrderPayment
from shop.payments.models import Notice, Outcome, Payment, Report, State, Status
from shop.payments.providers.base import Provider, ProviderAway
from shop.payments.providers.registry import Providers
from shop.payments.queries import payment_by_id
from shop.payments.service import apply, take_notice

log = structlog.get_logger("shop.payments")

# Nobody is asked about the same payment more often than this, however often a page is opened.
ASK_AGAIN_SECONDS: Final = 2
ALARMS: Final = frozenset({Outcome.MISMATCH})


async def believe(db: Database, report: Report) -> Outcome:
    """Applies what a provider said, in a transaction of its own; a mismatch is an alarm."""
    outcome = await db.in_transaction(lambda conn: apply(conn, report))
    _tell(report, outcome)
    return outcome


async def hear(db: Database, notice: Notice) -> Outcome:
    """Takes a verified notice; claim and effect are one transaction."""
    outcome = await db.in_transaction(lambda conn: take_notice(conn, notice))
    _tell(notice, outcome)
    return outcome


async def ask(db: Database, provider: Provider, payment: Payment) -> Payment:
    """The payment after its provider was asked about it; raises ProviderAway."""
    await _believe_all(db, await provider.query(payment))
    return await _again(db, payment)


async def ask_once(db: Database, provider: Provider, payment: Payment) -> Payment:
    """The same for a page: not again within two seconds, and a provider that is away changes nothing."""
    async with db.read() as conn:
        may_ask = await conn.execute(MAY_ASK, {"id": payment.id, "seconds": ASK_AGAIN_SECONDS})
    try:
        return await ask(db, provider, payment) if may_ask else await _again(db, payment)
    except ProviderAway as problem:
        log.warning("payment provider away", provider=provider.name, error=str(problem))
        return payment


async def settle(db: Database, provider: Provider, payment: Payment) -> Payment:
    """The payment in a state that is not open: asked about, and closed at its provider if nothing came; raises ProviderAway."""
    asked = await ask(db, provider, payment)
    if asked.state is not State.OPEN:
        return asked
    await believe(db, await provider.close(payment))
    return await _again(db, payment)


async def look_after(db: Database, providers: Providers, payment: Payment) -> None:
    """What the poller does with one payment: repairs what a lost notice would have told, and closes what nobody waits for."""
    provider = providers.get(payment.provider)
    if provider is None:
        log.error("an open payment of a provider that is switched off", provider=payment.provider, payment=payment.id)
        return
    async with db.read() as conn:
        is_wanted = await _is_wanted(conn, payment)
    try:
        await (ask if is_wanted else settle)(db, provider, payment)
    except ProviderAway as problem:
        log.warning("payment provider away", provider=provider.name, error=str(problem))


async def claim_due(conn: Connection, limit: int) -> list[Payment]:
    """Some payments whose providers are to be asked now; another poller asks about others."""
    ids = [row.id for row in await conn.fetch_all(CLAIM_DUE, {"limit": limit})]
    return await Payment.objects.using(conn).filter(id__in=ids).order_by("id") if ids else []


async def _believe_all(db: Database, reports: Sequence[Report]) -> None:
    # What has been paid first: a bill that was closed once and paid once is paid.
    for report in sorted(reports, key=lambda report: report.status is not Status.PAID):
        await believe(db, report)


async def _again(db: Database, payment: Payment) -> Payment:
    async with db.read() as conn:
        return await payment_by_id(conn, payment.id)


async def _is_wanted(conn: Connection, payment: Payment) -> bool:
    """Whether somebody may still be paying; an order that no longer waits needs no open payment at a bank."""
    waits = {"order__payment": OrderPayment.DUE, "order__fulfilment": Fulfilment.PLACED}
    return await Payment.objects.using(conn).filter(id=payment.id, expires_at__gt=Now(), **waits).exists()


def _tell(report: Report, outcome: Outcome) -> None:
    PAYMENTS.labels(report.provider, str(outcome)).inc()
    facts = {"provider": report.provider, "reference": report.reference, "outcome": str(outcome)}
    if outcome in ALARMS:
        log.error("payment does not match", amount=report.amount, currency=report.currency, **facts)
    elif outcome not in {Outcome.NOTHING, Outcome.REPEATED}:
        log.info("payment", **facts)


# The server's clock, and one statement: of two pages that open at once one asks.
MAY_ASK = """
UPDATE payments SET asked_at = now()
WHERE id = %(id)s AND (asked_at IS NULL OR asked_at < now() - make_interval(secs => %(seconds)s))
"""

# Each half minute while somebody may be paying, then less and less, and no more after a day; what is closed until its time is over.
CLAIM_DUE = """
WITH due AS (
    SELECT id FROM payments WHERE ask_at <= now() ORDER BY ask_at LIMIT %(limit)s FOR NO KEY UPDATE SKIP LOCKED)
UPDATE payments p SET asked_at = now(), ask_at = CASE
    WHEN p.state <> 'open' AND now() > p.expires_at THEN NULL
    WHEN now() < p.expires_at + interval '5 minutes' THEN now() + interval '25 seconds'
    WHEN now() < p.expires_at + interval '1 hour' THEN now() + interval '5 minutes'
    WHEN now() < p.expires_at + interval '26 hours' THEN now() + interval '1 hour' END
FROM due WHERE p.id = due.id RETURNING p.id
"""
