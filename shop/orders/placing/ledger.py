"""What accepted purchases leave in the database: a handful of statements, however many there are."""

import secrets
from collections import Counter as Tally
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson

from shop import outbox
from shop.catalog.taxes.models import STANDARD, rate_of
from shop.coupons.service import Redemption, redeem
from shop.db import Connection
from shop.delivery.service import take_windows
from shop.orders.models import CASH
from shop.orders.placing.counter import Accepted
from shop.orders.placing.models import Placed, Terms
from shop.orders.service import CHANNEL
from shop.orders.stock.service import take

# Crockford's alphabet: nothing in a number read aloud is taken for something else.
ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
GROUPS: Final = 3


def new_number() -> str:
    """A random number for an order, as "7K3M-9QXZ-4T2W": sixty bits tell neither how many orders there are nor the next."""
    letters = secrets.token_bytes(GROUPS * 4)
    text = "".join(ALPHABET[byte & 31] for byte in letters)
    return "-".join(text[n : n + 4] for n in range(0, len(text), 4))


async def write_orders(conn: Connection, accepted: Sequence[Accepted], terms: Terms) -> dict[UUID, Placed]:
    """The orders by checkout id, with their lines, stock moves, events, windows, coupons and mails; baskets are emptied."""
    numbers = [new_number() for _ in accepted]
    orders = [_order(sale, number, terms) for sale, number in zip(accepted, numbers, strict=True)]
    lines = [line for sale, number in zip(accepted, numbers, strict=True) for line in _lines(sale, number)]
    params = {"orders": orjson.dumps(orders).decode(), "lines": orjson.dumps(lines).decode()}
    rows = await conn.fetch_all(WRITE, {**params, "hold": terms.hold_seconds, "channel": CHANNEL})
    ids = {row.number: row.id for row in rows}
    placed = {
        sale.purchase.checkout_id: Placed(ids[number], number, sale.totals.total)
        for sale, number in zip(accepted, numbers, strict=True)
    }
    await _settle(conn, accepted, placed)
    return placed


async def _settle(conn: Connection, accepted: Sequence[Accepted], placed: dict[UUID, Placed]) -> None:
    """Everything the orders take: coupons, windows, goods, baskets; and the promises to tell people."""
    await redeem(conn, [_redemption(sale, placed) for sale in accepted if sale.coupon is not None])
    await take_windows(conn, Tally(sale.window.id for sale in accepted))
    quantities: Tally[int] = Tally()
    for sale in accepted:
        quantities.update(dict(sale.purchase.lines))
    await take(conn, quantities)
    carts = [sale.purchase.cart_id for sale in accepted if sale.purchase.cart_id is not None]
    if carts:
        await conn.execute(EMPTY_CARTS, {"ids": carts})
    await outbox.promise_all(conn, [mail for sale in accepted for mail in _mails(sale, placed)])


def _order(sale: Accepted, number: str, terms: Terms) -> dict[str, Any]:
    purchase, sums, window = sale.purchase, sale.totals, sale.window
    return {
        "number": number,
        "checkout_id": purchase.checkout_id,
        "fingerprint": "\\x" + purchase.fingerprint.hex(),
        "account_id": purchase.account_id,
        "email": purchase.email,
        "email_key": purchase.email_key,
        "lang": purchase.lang,
        "network": purchase.network,
        "method": purchase.method,
        "is_held": purchase.method != CASH,
        "currency": terms.currency,
        "goods_total": sums.goods,
        "discount": sums.discount,
        "freight": sums.freight,
        "freight_tax_rate": rate_of(sale.goods[0][0].standard_rate, STANDARD, terms.tax_rates),
        "total": sums.total,
        "coupon_code": purchase.coupon_code,
        "zone_id": window.zone.id,
        "window_id": window.id,
        "zone_kind": window.zone.kind,
        "zone_name": window.zone.name,
        "starts_at": _iso(window.starts_at),
        "ends_at": _iso(window.ends_at),
        "address": purchase.address,
        "note": purchase.note,
    }


def _iso(moment: datetime) -> str:
    return moment.isoformat()


def _lines(sale: Accepted, number: str) -> list[dict[str, Any]]:
    return [
        {
            "number": number,
            "sku_id": line.sku_id,
            "product_id": row.product_id,
            "name": {lang: _named(text, row.sku_name.get(lang, "")) for lang, text in row.name.items()},
            "unit": row.unit,
            "quantity": line.quantity,
            "unit_price": line.unit_price,
            "discount": discount,
            "tax_rate": line.tax_rate,
        }
        for (row, line), discount in zip(sale.goods, sale.totals.discounts, strict=True)
    ]


def _named(product: str, sku: str) -> str:
    return f"{product} · {sku}" if sku else product


def _redemption(sale: Accepted, placed: dict[UUID, Placed]) -> Redemption:
    purchase, coupon = sale.purchase, sale.coupon
    assert coupon is not None
    return Redemption(
        placed[purchase.checkout_id].order_id,
        coupon.id,
        purchase.account_id,
        purchase.email_key,
        coupon.once_per_customer,
        sale.totals.coupon_discount,
    )


def _mails(sale: Accepted, placed: dict[UUID, Placed]) -> list[tuple[str, dict[str, Any]]]:
    order_id = placed[sale.purchase.checkout_id].order_id
    mails: list[tuple[str, dict[str, Any]]] = [("tasks.mail.send_order_placed", {"order_id": order_id})]
    if sale.purchase.method == CASH:
        mails.append(("tasks.mail.send_new_order", {"order_id": order_id}))
    return mails


# Five tables in one statement. One document instead of twenty arrays: half the work for the driver, and each column's type stands once.
WRITE = """
WITH orders_in AS (
    SELECT * FROM jsonb_to_recordset(%(orders)s::jsonb) AS o (
        number text, checkout_id uuid, fingerprint bytea, account_id bigint, email text, email_key text, lang text,
        network text, method text, is_held boolean, currency text, goods_total bigint, discount bigint, freight bigint,
        freight_tax_rate bigint, total bigint, coupon_code text, zone_id bigint, window_id bigint, zone_kind text,
        zone_name jsonb, starts_at timestamptz, ends_at timestamptz, address jsonb, note text)),
lines_in AS (
    SELECT * FROM jsonb_to_recordset(%(lines)s::jsonb) AS l (
        number text, sku_id bigint, product_id bigint, name jsonb, unit jsonb, quantity bigint, unit_price bigint,
        discount bigint, tax_rate bigint)),
written AS (
    INSERT INTO orders (number, checkout_id, fingerprint, account_id, email, email_key, lang, network, method,
        hold_until, currency, goods_total, discount, freight, freight_tax_rate, total, coupon_code, zone_id, window_id,
        zone_kind, zone_name, starts_at, ends_at, address, note)
    SELECT number, checkout_id, fingerprint, account_id, email, email_key, lang, network, method,
        CASE WHEN is_held THEN now() + make_interval(secs => %(hold)s) END, currency, goods_total, discount, freight,
        freight_tax_rate, total, coupon_code, zone_id, window_id, zone_kind, zone_name, starts_at, ends_at, address, note
    FROM orders_in
    RETURNING id, number, account_id),
lines_written AS (
    INSERT INTO order_lines (order_id, sku_id, product_id, name, unit, quantity, unit_price, discount, tax_rate)
    SELECT w.id, l.sku_id, l.product_id, l.name, l.unit, l.quantity, l.unit_price, l.discount, l.tax_rate
    FROM lines_in l JOIN written w USING (number)),
moves AS (
    INSERT INTO stock_moves (sku_id, order_id, kind, quantity)
    SELECT l.sku_id, w.id, 'held', l.quantity FROM lines_in l JOIN written w USING (number)),
events AS (
    INSERT INTO order_events (order_id, machine, new, actor, account_id)
    SELECT id, 'fulfilment', 'placed', 'customer', account_id FROM written)
-- The same word for all orders of a batch is told once, when it is committed.
SELECT id, number, pg_notify(%(channel)s, 'placed') FROM written
"""

# Lines and versions of a whole batch in one trip; measured by tests/bench/orders.py.
EMPTY_CARTS = """
WITH emptied AS (
    DELETE FROM cart_lines WHERE cart_id = ANY(%(ids)s::bigint[]) AND NOT is_saved)
UPDATE carts SET version = version + 1, coupon_code = NULL, updated_at = now() WHERE id = ANY(%(ids)s::bigint[])
"""
