"""What must hold between orders, payments and providers' ledgers whatever happened; each finding breaks a promise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from shop.db import Connection, Row
from shop.payments.models import Payment, RefundState, State

# I2: each paid order has one payment that counts, of its whole total; no other order has one. Cash is the event of its delivery.
PAID_ONCE: Final = """
SELECT o.id AS order_id, o.payment, o.total, count(p.id) AS captured, coalesce(sum(p.amount), 0) AS amount
FROM orders o LEFT JOIN payments p ON p.order_id = o.id AND p.state = 'captured'
GROUP BY o.id
HAVING (o.payment = 'due' AND count(p.id) > 0)
    OR (o.payment <> 'due' AND (count(p.id), coalesce(sum(p.amount), 0)) <> (1, o.total)
        AND NOT (o.method = 'cash' AND count(p.id) = 0 AND 1 = (
            SELECT count(*) FROM order_events e WHERE e.order_id = o.id AND e.machine = 'payment' AND e.new = 'paid'
                AND e.actor = 'staff' AND (e.details ->> 'amount')::bigint = o.total)))
"""

# I3, our own side of it: what went back adds up in refunds, payments and orders, and no notice waits for a payment that is there.
ADDS_UP: Final = """
SELECT 'payment' AS what, p.id, p.refunded AS told, coalesce(sum(r.amount), 0) AS found
FROM payments p LEFT JOIN refunds r ON r.payment_id = p.id AND r.state <> 'refused'
GROUP BY p.id HAVING p.refunded <> coalesce(sum(r.amount), 0)
UNION ALL
SELECT 'order', o.id, o.refunded, coalesce(sum(r.amount), 0)
FROM orders o JOIN payments p ON p.order_id = o.id AND p.state = 'captured'
LEFT JOIN refunds r ON r.payment_id = p.id AND r.state = 'done'
GROUP BY o.id HAVING o.refunded <> coalesce(sum(r.amount), 0)
UNION ALL
SELECT 'notice', n.id, 0, p.id FROM payment_notices n
JOIN payments p ON p.provider = n.provider AND p.reference = n.reference WHERE n.processed_at IS NULL
"""

INVARIANTS: Final[Mapping[str, str]] = {"I2": PAID_ONCE, "I3": ADDS_UP}


async def broken(conn: Connection) -> dict[str, list[Row]]:
    """The rows that break I2 and our own side of I3; empty when both hold."""
    found = {name: await conn.fetch_all(sql) for name, sql in INVARIANTS.items()}
    return {name: rows for name, rows in found.items() if rows}


async def differences(conn: Connection, provider: str, ledger: Sequence[Mapping[str, Any]]) -> list[str]:
    """I3: where a provider's ledger and ours differ, a sentence each; once all is at rest there is none.

    The ledger's rows have `trade_no`, `amount` and `refunded`, in minor units.
    """
    taken = Payment.objects.using(conn).filter(provider=provider, state__in=[State.CAPTURED, State.SURPLUS])
    payments = {str(payment.trade_no): payment async for payment in taken}
    theirs = {str(row["trade_no"]): row for row in ledger}
    told = [f"{trade_no}: money came that we know nothing of" for trade_no in theirs.keys() - payments.keys()]
    told += [f"{trade_no}: we believe in money that never came" for trade_no in payments.keys() - theirs.keys()]
    for trade_no in sorted(theirs.keys() & payments.keys()):
        ours, row = payments[trade_no], theirs[trade_no]
        sent = await _sent_back(conn, ours)
        if (ours.amount, sent) != (row["amount"], row["refunded"]):
            told.append(f"{trade_no}: {ours.amount} − {sent} here, {row['amount']} − {row['refunded']} there")
        elif ours.state is State.SURPLUS and sent != ours.amount:
            told.append(f"{trade_no}: paid beside another payment and not given back")
    return told


async def _sent_back(conn: Connection, payment: Payment) -> int:
    sent: int = await conn.fetch_value(SENT_BACK, {"id": payment.id, "state": RefundState.DONE})
    return sent


# One number, zero included.
SENT_BACK: Final = """
SELECT coalesce(sum(amount), 0)::bigint FROM refunds WHERE payment_id = %(id)s AND state = %(state)s
"""
