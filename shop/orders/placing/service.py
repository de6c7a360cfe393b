"""The till: many baskets, one transaction, each decided in the order of arrival."""

from collections.abc import Sequence
from uuid import UUID

from shop.cart.pause import PAUSE
from shop.db import Connection
from shop.facts import facts
from shop.orders.methods import METHODS, Offer
from shop.orders.placing.counter import Accepted, Counter
from shop.orders.placing.ledger import write_orders
from shop.orders.placing.models import Answer, Placed, Purchase, Reason, Refused, Terms


async def place_orders(conn: Connection, purchases: Sequence[Purchase], terms: Terms) -> list[Answer]:
    """Decides every purchase and writes the orders of those that can be, with their stock, windows, coupons and mails.

    One bad basket is refused alone. Any database error concerns all of them: try them again one by one.
    """
    locked = await lock_carts(conn, purchases)
    # Only after the lock on its basket can a twin in another process be seen.
    before = await orders_of_checkouts(conn, purchases)
    fresh = _fresh(purchases, before)
    stated = await facts(conn, (PAUSE, METHODS)) if fresh else {}
    if PAUSE in stated:
        closed: dict[UUID, Accepted | Refused] = {purchase.checkout_id: Refused(Reason.PAUSED) for purchase in fresh}
        return [_answer(purchase, before, closed, {}) for purchase in purchases]
    said = stated[METHODS].value if METHODS in stated else None
    offer = Offer.of(said, terms.methods, terms.cash_ceiling)
    counter = await Counter.open(conn, fresh, locked, terms, offer)
    decided = {purchase.checkout_id: counter.decide(purchase) for purchase in fresh}
    refused = [purchase for purchase in fresh if isinstance(decided[purchase.checkout_id], Refused)]
    if refused:
        # While we waited for the goods, a twin may have taken the last of them: then that is the answer.
        before |= await orders_of_checkouts(conn, refused)
    accepted = [answer for answer in decided.values() if isinstance(answer, Accepted)]
    placed = await write_orders(conn, accepted, terms) if accepted else {}
    return [_answer(purchase, before, decided, placed) for purchase in purchases]


async def lock_carts(conn: Connection, purchases: Sequence[Purchase]) -> dict[int, int]:
    """The versions of the baskets by id, locked in id order: the first lock of all, so that twins wait here."""
    ids = sorted({purchase.cart_id for purchase in purchases if purchase.cart_id is not None})
    rows = await conn.fetch_all(LOCK_CARTS, {"ids": ids}) if ids else []
    return {row.id: row.version for row in rows}


async def orders_of_checkouts(conn: Connection, purchases: Sequence[Purchase]) -> dict[UUID, tuple[bytes, Placed]]:
    """The orders these checkouts have led to already, with the fingerprint of what was sent then."""
    ids = [str(purchase.checkout_id) for purchase in purchases]
    rows = await conn.fetch_all(BEFORE, {"ids": ids})
    return {
        row.checkout_id: (bytes(row.fingerprint), Placed(row.id, row.number, row.total, is_repeat=True)) for row in rows
    }


def _fresh(purchases: Sequence[Purchase], before: dict[UUID, tuple[bytes, Placed]]) -> list[Purchase]:
    """The first purchase of each checkout that has no order yet; its twins get its answer."""
    first: dict[UUID, Purchase] = {}
    for purchase in purchases:
        if purchase.checkout_id not in before:
            first.setdefault(purchase.checkout_id, purchase)
    return list(first.values())


def _answer(
    purchase: Purchase,
    before: dict[UUID, tuple[bytes, Placed]],
    decided: dict[UUID, Accepted | Refused],
    placed: dict[UUID, Placed],
) -> Answer:
    checkout_id = purchase.checkout_id
    if checkout_id in before:
        fingerprint, answer = before[checkout_id]
        return answer if fingerprint == purchase.fingerprint else Refused(Reason.CHECKOUT_REUSED)
    decision = decided[checkout_id]
    if isinstance(decision, Refused):
        return decision
    if decision.purchase.fingerprint != purchase.fingerprint:
        return Refused(Reason.CHECKOUT_REUSED)
    order = placed[checkout_id]
    # The first to be answered is the buyer, the others clicked again.
    placed[checkout_id] = Placed(order.order_id, order.number, order.total, is_repeat=True)
    return order


# These two run once for every batch; measured by tests/bench/orders.py.
LOCK_CARTS = "SELECT id, version FROM carts WHERE id = ANY(%(ids)s::bigint[]) ORDER BY id FOR NO KEY UPDATE"

# As above.
BEFORE = """
SELECT checkout_id, fingerprint, id, number, total FROM orders WHERE checkout_id = ANY(%(ids)s::uuid[])
"""
