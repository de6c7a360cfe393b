"""The till against the straightforward transaction (SELECT … FOR UPDATE) that asks and writes the same, both in one run.

`python -m tests.bench orders` prints buyers per second and the ratios; the goals are ≥ 5 for 200 buyers of one SKU, ≥ 3
for 200 buyers of random baskets, and a lone buyer's median at most 1.3 times as long. It also says what share of the bare
handler's requests that is, measured before and after in the same run (prototypes that wrote fewer rows: 0.33 and 0.15).
"""

from __future__ import annotations

import asyncio
import gc
import random
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import orjson
import uvloop

from shop import outbox
from shop.coupons.queries import rules_in_force
from shop.db import Connection, Database
from shop.db.group_commit import GroupCommit
from shop.db.migrations import migrate
from shop.embedded import Postgres
from shop.orders.placing.counter import open_orders
from shop.orders.placing.ledger import new_number
from shop.orders.placing.models import Answer, Placed, Purchase
from shop.orders.placing.service import place_orders
from tests.bench.results import Result
from tests.bench.shop import Shops, bare
from tests.orders.market import TERMS, Market
from tests.servers import scratch_folder

BUYERS = 200
ROUNDS = 5
LONE = 60
SKUS = 50
LONE_GOAL = 1.3
UNIT = "of the textbook transaction"
GOALS = {"one SKU": 5.0, "random baskets": 3.0}
PROTOTYPES = {"one SKU": 0.33, "random baskets": 0.15}
# What the bare handler answers: as much as the page that says "come here to see your order".
BODY = b"x" * 500

Buy = Callable[[Purchase], Awaitable[object]]


async def straightforward(conn: Connection, purchase: Purchase) -> int:
    """One buyer as a textbook places an order: look for an earlier click, for limits and offers; lock; write row by row."""
    before = await conn.fetch_value(
        "SELECT id FROM orders WHERE checkout_id = %(id)s", {"id": str(purchase.checkout_id)}
    )
    if before is not None:
        return int(before)
    await open_orders(conn, [purchase])
    await rules_in_force(conn)
    window = await conn.fetch_one(WINDOW, {"id": purchase.window_id})
    assert window is not None
    rows = [await conn.fetch_one(SKU, {"id": sku_id}) for sku_id, _ in sorted(purchase.lines)]
    lines = list(zip(rows, (quantity for _, quantity in sorted(purchase.lines)), strict=True))
    goods = sum(row.price * quantity for row, quantity in lines if row)
    order_id = int(await conn.fetch_value(ORDER, _values(purchase, window, goods)))
    for row, quantity in lines:
        assert row is not None
        assert row.stock >= quantity
        values = {"order": order_id, "sku": row.id, "product": row.product_id, "quantity": quantity, "price": row.price}
        await conn.execute(LINE, {**values, "name": row.name, "unit": row.unit})
        await conn.execute(MOVE, values)
        await conn.execute("UPDATE skus SET stock = stock - %(quantity)s WHERE id = %(sku)s", values)
    await conn.execute(EVENT, {"order": order_id})
    await conn.execute("UPDATE delivery_windows SET taken = taken + 1 WHERE id = %(id)s", {"id": purchase.window_id})
    await outbox.promise(conn, "tasks.mail.send_order_placed", order_id=order_id)
    return order_id


def _values(purchase: Purchase, window: object, goods: int) -> dict[str, object]:
    return {
        "number": new_number(),
        "checkout": str(purchase.checkout_id),
        "fingerprint": purchase.fingerprint,
        "email": purchase.email,
        "goods": goods,
        "freight": 1000,
        "zone": purchase.zone_id,
        "window": purchase.window_id,
        "address": orjson.dumps(purchase.address).decode(),
    }


def baskets(market: Market, skus: Sequence[int], dice: random.Random) -> list[Purchase]:
    """Two random SKUs each."""
    return [market.wish(*((sku, 1) for sku in dice.sample(skus, 2)), total=3000) for _ in range(BUYERS)]


async def crowd(buy: Buy, purchases: Sequence[Purchase]) -> float:
    """Buyers per second when all come at once."""
    began = time.perf_counter()
    await asyncio.gather(*(buy(purchase) for purchase in purchases))
    return len(purchases) / (time.perf_counter() - began)


async def alone(buy: Buy, purchases: Sequence[Purchase]) -> float:
    """The median seconds of one buyer after another."""
    times = []
    for purchase in purchases:
        began = time.perf_counter()
        await buy(purchase)
        times.append(time.perf_counter() - began)
    return statistics.median(times)


async def measured(url: str) -> dict[str, tuple[float, float]]:
    """(ours, straightforward) per scene: buyers per second, and for the lone buyer seconds."""
    db = await Database.open(url=url, min_size=10)
    market = await Market.open(db, room=10**6)
    hot, skus = await market.sku(10**6), [await market.sku(10**6) for _ in range(SKUS)]
    till: GroupCommit[Purchase, Answer] = GroupCommit(db, partial(place_orders, terms=TERMS))
    connections = asyncio.Semaphore(10)

    async def ours(purchase: Purchase) -> None:
        assert isinstance(await till.submit(purchase), Placed)

    async def theirs(purchase: Purchase) -> None:
        async with connections:
            await db.in_transaction(lambda conn: straightforward(conn, purchase))

    dice = random.Random(1)
    scenes: dict[str, Callable[[], list[Purchase]]] = {
        "one SKU": lambda: [market.wish((hot, 1), total=2000) for _ in range(BUYERS)],
        "random baskets": lambda: baskets(market, skus, dice),
    }
    results = {name: await _compared(partial(crowd), ours, theirs, scene) for name, scene in scenes.items()}
    lone = scenes["random baskets"]
    results["a lone buyer"] = await _compared(alone, ours, theirs, lambda: lone()[:LONE])
    assert await market.is_sound()
    await till.close()
    await db.close()
    return results


async def _compared(
    how: Callable[[Buy, Sequence[Purchase]], Awaitable[float]],
    ours: Buy,
    theirs: Buy,
    scene: Callable[[], list[Purchase]],
) -> tuple[float, float]:
    """Medians of alternated rounds; the first of each is not counted."""
    await how(ours, scene()), await how(theirs, scene())
    gc.collect()
    gc.freeze()
    rounds = [(await how(ours, scene()), await how(theirs, scene())) for _ in range(ROUNDS)]
    return statistics.median(a for a, _ in rounds), statistics.median(b for _, b in rounds)


def bare_rate() -> float:
    """Requests per second of a handler that returns the same few bytes, on one core."""
    with bare(BODY) as plain:
        return plain.measured("/", seconds=3, headers={}).rate


def main(shops: Shops) -> list[Result]:
    """Measures on a server of its own that writes to the disk as a real one does."""
    before = bare_rate()
    with scratch_folder() as folder:
        server = Postgres(folder, durable=True).start()
        try:
            migrate(server.owner_url)
            results = uvloop.run(measured(server.web_url))
        finally:
            server.stop()
    unit = (before + bare_rate()) / 2
    told = []
    for name, (ours, theirs) in results.items():
        told.append(Result(f"orders, {name}", ours / theirs, GOALS.get(name, LONE_GOAL), UNIT, name not in GOALS))
        if name in GOALS:
            print(f"{name}: {ours:,.0f} against {theirs:,.0f} buyers/s, {ours / theirs:.1f} (goal ≥ {GOALS[name]})")
            print(f"  of the bare handler's {unit:,.0f}/s: {ours / unit:.2f} (prototype {PROTOTYPES[name]})")
        else:
            print(f"{name}: {ours * 1e3:.1f} against {theirs * 1e3:.1f} ms, {ours / theirs:.2f} (goal ≤ {LONE_GOAL})")
    return told


WINDOW = "SELECT id, starts_at, ends_at FROM delivery_windows WHERE id = %(id)s AND taken < capacity FOR UPDATE"
SKU = """
SELECT s.id, s.stock, s.price, s.unit, p.id AS product_id, p.name FROM skus s JOIN products p ON p.id = s.product_id
WHERE s.id = %(id)s FOR UPDATE OF s
"""
ORDER = """
INSERT INTO orders (number, checkout_id, fingerprint, email, email_key, lang, method, hold_until, currency, goods_total,
    discount, freight, freight_tax_rate, total, zone_id, window_id, zone_kind, zone_name, starts_at, ends_at, address)
SELECT %(number)s, %(checkout)s, %(fingerprint)s, %(email)s, %(email)s, 'en', 'sandbox', now() + interval '15 minutes',
    'CNY', %(goods)s, 0, %(freight)s, 1300, %(goods)s + %(freight)s, z.id, w.id, z.kind, z.name, w.starts_at, w.ends_at,
    %(address)s::jsonb
FROM delivery_windows w JOIN delivery_zones z ON z.id = w.zone_id WHERE w.id = %(window)s RETURNING id
"""
LINE = """
INSERT INTO order_lines (order_id, sku_id, product_id, name, unit, quantity, unit_price, discount, tax_rate)
VALUES (%(order)s, %(sku)s, %(product)s, %(name)s, %(unit)s, %(quantity)s, %(price)s, 0, 900)
"""
MOVE = """
INSERT INTO stock_moves (sku_id, order_id, kind, quantity) VALUES (%(sku)s, %(order)s, 'held', %(quantity)s)
"""
EVENT = """
INSERT INTO order_events (order_id, machine, new, actor) VALUES (%(order)s, 'fulfilment', 'placed', 'customer')
"""
