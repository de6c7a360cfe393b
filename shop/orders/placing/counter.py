"""Everything a batch of purchases is decided on: read and locked once, then counted down in memory."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shop.cart.pricing import PricedLine, Totals, totals
from shop.catalog.taxes.models import rate_of
from shop.coupons.models import CouponRefused, Discount
from shop.coupons.queries import Rule, discount_of, refusal, rules_in_force
from shop.coupons.service import holders, lock_coupons
from shop.db import Connection, Row
from shop.delivery.service import LockedWindow, lock_windows
from shop.orders.methods import Offer
from shop.orders.models import CASH
from shop.orders.placing.models import Purchase, Reason, Refused, Terms
from shop.orders.stock.service import lock_goods


@dataclass(frozen=True, slots=True)
class Accepted:
    """A purchase that becomes an order, with everything the order copies."""

    purchase: Purchase
    goods: tuple[tuple[Row, PricedLine], ...]
    totals: Totals
    window: LockedWindow
    coupon: Row | None


class Counter:
    """Decides purchases one after another; what one was given is no longer there for the next."""

    def __init__(self, locked_carts: Mapping[int, int], terms: Terms, offer: Offer) -> None:
        self._carts = dict(locked_carts)
        self._terms = terms
        self._offer = offer
        self._rules: Sequence[Rule] = ()
        self._coupons: dict[str, Row] = {}
        self._holders: set[tuple[int, int | str]] = set()
        self._windows: dict[int, LockedWindow] = {}
        self._goods: dict[int, Row] = {}
        self._stock: dict[int, int] = {}
        self._room: dict[int, int] = {}
        self._used: dict[int, int] = {}
        self._open: dict[tuple[str, int | str], int] = {}

    @classmethod
    async def open(
        cls,
        conn: Connection,
        purchases: Sequence[Purchase],
        locked_carts: Mapping[int, int],
        terms: Terms,
        offer: Offer,
    ) -> Counter:
        """Reads and locks, always in this order: (baskets,) coupons, windows, goods; the hottest rows last."""
        counter = cls(locked_carts, terms, offer)
        if not purchases:
            return counter
        counter._open = await open_orders(conn, purchases)
        counter._rules = await rules_in_force(conn)
        counter._coupons = await lock_coupons(conn, [p.coupon_code for p in purchases if p.coupon_code])
        counter._holders = await _holders(conn, purchases, counter._coupons)
        counter._windows = await lock_windows(conn, [purchase.window_id for purchase in purchases])
        counter._goods = await lock_goods(conn, [sku_id for purchase in purchases for sku_id, _ in purchase.lines])
        counter._stock = {sku_id: row.stock for sku_id, row in counter._goods.items()}
        counter._room = {window_id: found.capacity - found.taken for window_id, found in counter._windows.items()}
        counter._used = {row.id: row.used for row in counter._coupons.values()}
        return counter

    def decide(self, purchase: Purchase) -> Accepted | Refused:
        """Accepts the purchase and keeps what it needs for it, or says what stands in its way."""
        refused = self._basket(purchase) or self._stock_of(purchase) or self._delivery(purchase)
        if refused:
            return refused
        window = self._windows[purchase.window_id]
        goods = tuple((self._goods[sku_id], self._line(sku_id, quantity)) for sku_id, quantity in purchase.lines)
        lines = [line for _, line in goods]
        coupon = self._coupons.get(purchase.coupon_code) if purchase.coupon_code else None
        worth = sum(line.amount for line in lines)
        if purchase.coupon_code and (why := self._coupon(purchase, coupon, worth)):
            return Refused(Reason.COUPON, coupon=why)
        discount: Discount | None = discount_of(coupon) if coupon else None
        sums = totals(lines, self._rules, discount, window.zone)
        accepted = Accepted(purchase, goods, sums, window, coupon)
        return self._money(accepted) or self._keep(accepted)

    def _basket(self, purchase: Purchase) -> Refused | None:
        if not purchase.lines:
            return Refused(Reason.EMPTY)
        if purchase.cart_id is not None and self._carts.get(purchase.cart_id) != purchase.cart_version:
            return Refused(Reason.BASKET_CHANGED)
        most = self._terms.units_per_line
        if any(not 0 < quantity <= most for _, quantity in purchase.lines):
            return Refused(Reason.TOO_MANY_UNITS, {sku_id: most for sku_id, n in purchase.lines if n > most})
        return None

    def _stock_of(self, purchase: Purchase) -> Refused | None:
        gone = [sku_id for sku_id, _ in purchase.lines if sku_id not in self._goods or not self._goods[sku_id].is_sold]
        if gone:
            return Refused(Reason.NOT_SOLD, dict.fromkeys(gone, 0))
        short = {sku_id: self._stock[sku_id] for sku_id, n in purchase.lines if n > self._stock[sku_id]}
        return Refused(Reason.OUT_OF_STOCK, short) if short else None

    def _delivery(self, purchase: Purchase) -> Refused | None:
        window = self._windows.get(purchase.window_id)
        if window is None or not window.is_open or window.zone.id != purchase.zone_id:
            return Refused(Reason.WINDOW_CLOSED)
        return Refused(Reason.WINDOW_FULL) if self._room[purchase.window_id] < 1 else None

    def _line(self, sku_id: int, quantity: int) -> PricedLine:
        row = self._goods[sku_id]
        rate = rate_of(row.tax_rate, row.tax_class, self._terms.tax_rates)
        return PricedLine(sku_id, row.category_id, quantity, row.price, rate)

    def _coupon(self, purchase: Purchase, coupon: Row | None, goods: int) -> CouponRefused | None:
        why = refusal(coupon, goods)
        if why or coupon is None:
            return why or CouponRefused.UNKNOWN
        if coupon.limit is not None and self._used[coupon.id] >= coupon.limit:
            return CouponRefused.USED_UP
        if coupon.once_per_customer and _customer_keys(coupon.id, purchase) & self._holders:
            return CouponRefused.USED_BY_YOU
        return None

    def _money(self, accepted: Accepted) -> Refused | None:
        purchase, total = accepted.purchase, accepted.totals.total
        if accepted.totals.goods < accepted.window.zone.minimum_order:
            return Refused(Reason.BELOW_MINIMUM, total=total)
        if total != purchase.seen_total:
            return Refused(Reason.TOTAL_CHANGED, total=total)
        if purchase.method == CASH and not (purchase.account_id is not None and purchase.is_activated):
            return Refused(Reason.CASH_NOT_ALLOWED)
        if not self._offer.takes(purchase.method, total):
            return Refused(Reason.CASH_NOT_ALLOWED if purchase.method == CASH else Reason.METHOD_NOT_OFFERED)
        if any(self._open.get(key, 0) >= self._terms.open_orders for key in _buyer_keys(purchase)):
            return Refused(Reason.TOO_MANY_UNPAID)
        return None

    def _keep(self, accepted: Accepted) -> Accepted:
        purchase, coupon = accepted.purchase, accepted.coupon
        for sku_id, quantity in purchase.lines:
            self._stock[sku_id] -= quantity
        self._room[purchase.window_id] -= 1
        if purchase.cart_id is not None:
            del self._carts[purchase.cart_id]
        for key in _buyer_keys(purchase):
            self._open[key] = self._open.get(key, 0) + 1
        if coupon is not None:
            self._used[coupon.id] += 1
            self._holders |= _customer_keys(coupon.id, purchase)
        return accepted


async def open_orders(conn: Connection, purchases: Sequence[Purchase]) -> dict[tuple[str, int | str], int]:
    """How many orders each of these buyers keeps goods for unpaid: held by account, e-mail and network, cash by the first two.

    Cash counts until the goods are packed. Whoever counts the same buyer in another process waits until this transaction ends.
    """
    buyers = sorted({f"{what} {who}" for purchase in purchases for what, who in _buyer_keys(purchase)})
    accounts = [purchase.account_id for purchase in purchases if purchase.account_id is not None]
    emails = [purchase.email_key for purchase in purchases]
    networks = [purchase.network for purchase in purchases if purchase.network]
    rows = await conn.fetch_all(
        OPEN_ORDERS, {"buyers": buyers, "accounts": accounts, "emails": emails, "networks": networks}
    )
    found: Tally[tuple[str, int | str]] = Tally()
    for row in rows:
        found[row.what, row.account_id if row.what == "account" else row.who] += row.orders
    return dict(found)


async def _holders(
    conn: Connection, purchases: Sequence[Purchase], coupons: Mapping[str, Row]
) -> set[tuple[int, int | str]]:
    accounts = [purchase.account_id for purchase in purchases if purchase.account_id is not None]
    emails = [purchase.email_key for purchase in purchases]
    return await holders(conn, [coupon.id for coupon in coupons.values() if coupon.once_per_customer], accounts, emails)


def _buyer_keys(purchase: Purchase) -> list[tuple[str, int | str]]:
    keys: list[tuple[str, int | str]] = [("email", purchase.email_key)]
    if purchase.account_id is not None:
        keys.append(("account", purchase.account_id))
    # Whoever pays cash is known by a confirmed account: neighbours of one network do not stand in each other's way.
    if purchase.network and purchase.method != CASH:
        keys.append(("network", purchase.network))
    return keys


def _customer_keys(coupon_id: int, purchase: Purchase) -> set[tuple[int, int | str]]:
    keys: set[tuple[int, int | str]] = {(coupon_id, purchase.email_key)}
    return keys if purchase.account_id is None else keys | {(coupon_id, purchase.account_id)}


# Turns are taken by buyer (pg_advisory_xact_lock), all in one order; the statement behind it sees what those before us wrote.
# Five walks of small indexes in one statement (UNION ALL), however many others are waiting to pay.
OPEN_ORDERS = """
SELECT count(pg_advisory_xact_lock(hashtextextended(buyer, 7))) FROM unnest(%(buyers)s::text[]) AS buyer;
SELECT 'account' AS what, account_id, '' AS who, count(*) AS orders FROM orders
WHERE hold_until > now() AND account_id = ANY(%(accounts)s::bigint[]) GROUP BY account_id
UNION ALL
SELECT 'email', NULL, email_key, count(*) FROM orders
WHERE hold_until > now() AND email_key = ANY(%(emails)s::text[]) GROUP BY email_key
UNION ALL
SELECT 'network', NULL, network, count(*) FROM orders
WHERE hold_until > now() AND network = ANY(%(networks)s::text[]) GROUP BY network
UNION ALL
SELECT 'account', account_id, '', count(*) FROM orders
WHERE method = 'cash' AND payment = 'due' AND fulfilment = 'placed' AND account_id = ANY(%(accounts)s::bigint[])
GROUP BY account_id
UNION ALL
SELECT 'email', NULL, email_key, count(*) FROM orders
WHERE method = 'cash' AND payment = 'due' AND fulfilment = 'placed' AND email_key = ANY(%(emails)s::text[])
GROUP BY email_key
"""
