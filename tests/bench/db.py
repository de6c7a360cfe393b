"""What a manager costs over constant SQL on aiopg's bare cursor, in CPU of this process, both in one run.

`python -m tests.bench db` prints the ratios; the goal is ≤ 1.35 for one row by key and ≤ 1.5 for 50 rows.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Awaitable, Callable

import aiopg
import psycopg2
import uvloop
from sqlalchemy.schema import CreateTable

from shop.db import Database
from shop.db.compiled import DIALECT
from shop.embedded import Postgres
from tests.bench.results import Result
from tests.bench.shop import Shops
from tests.db.cast import Sku, Table
from tests.servers import scratch_folder

ROUNDS = 60
GOALS = {"one row by key": 1.35, "50 rows": 1.5}

COLUMNS = "id, slug, product_id, price, stock, reserved, status, weight, notes, mark, added_at"
ONE = f"SELECT {COLUMNS} FROM skus WHERE slug = %(slug)s LIMIT 2"
MANY = f"SELECT {COLUMNS} FROM skus WHERE price < %(price)s ORDER BY id LIMIT 50"

Work = Callable[[], Awaitable[object]]


async def cpu(work: Work, times: int) -> float:
    """Microseconds of this process's CPU for one call."""
    start = time.process_time()
    for _ in range(times):
        await work()
    return (time.process_time() - start) / times * 1e6


async def compared(ours: Work, bare: Work, times: int) -> tuple[float, float, float]:
    """The ratio and both figures in microseconds: medians over short rounds in turn, so that both meet the same machine."""
    await cpu(ours, times), await cpu(bare, times)
    gc.collect()
    gc.freeze()  # as the shop does once it has warmed up
    rounds = [(await cpu(ours, times), await cpu(bare, times)) for _ in range(ROUNDS)]
    ratios, firsts, seconds = [a / b for a, b in rounds], [a for a, _ in rounds], [b for _, b in rounds]
    return statistics.median(ratios), statistics.median(firsts), statistics.median(seconds)


async def measured(url: str) -> dict[str, tuple[float, float, float]]:
    """(ratio, ours, bare) for each goal."""
    database = await Database.open(url=url)
    async with aiopg.create_pool(url) as pool, pool.acquire() as acquired, acquired.cursor() as cursor:

        async def bare_one() -> object:
            await cursor.execute(ONE, {"slug": "sku-7"})
            return await cursor.fetchone()

        async def bare_many() -> object:
            await cursor.execute(MANY, {"price": 1000})
            return await cursor.fetchall()

        async with database.read() as conn:

            async def one() -> object:
                return await Sku.objects.using(conn).get(slug="sku-7")

            async def many() -> object:
                return await Sku.objects.using(conn).filter(price__lt=1000).order_by("id")[:50]

            results = {
                "one row by key": await compared(one, bare_one, 100),
                "50 rows": await compared(many, bare_many, 25),
            }
    await database.close()
    return results


def prepare(url: str) -> None:
    """The table of the tests with 1,000 rows."""
    owner = psycopg2.connect(url)
    with owner, owner.cursor() as cursor:
        for table in Table.metadata.sorted_tables:
            cursor.execute(str(CreateTable(table).compile(dialect=DIALECT)))
        cursor.execute("INSERT INTO skus (slug, price, stock) SELECT 'sku-' || i, i, i FROM generate_series(1, 1000) i")
        cursor.execute("GRANT SELECT ON skus TO PUBLIC")
    owner.close()


def main(shops: Shops) -> list[Result]:
    """Prints the ratios."""
    with scratch_folder() as folder:
        server = Postgres(folder, durable=False).start()
        try:
            prepare(server.owner_url)
            results = uvloop.run(measured(server.web_url))
        finally:
            server.stop()
    for name, (ratio, ours, bare) in results.items():
        print(f"db: {name}: {ratio:.2f} of the bare cursor (goal ≤ {GOALS[name]}; {ours:.0f} µs against {bare:.0f} µs)")
    return [
        Result(f"manager, {name}", ratio, GOALS[name], "of aiopg's cursor") for name, (ratio, *_) in results.items()
    ]
