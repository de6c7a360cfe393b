"""The same pages in a shop of 100 products and in one of 100,000: ready ones, and ones that nobody has kept.

Both shops are served at once and asked in turn. Nothing is kept after a notification that everything has changed, as any
large import would send; then each page is asked for once.
"""

from __future__ import annotations

import statistics
import time

import psycopg2

from tests.bench.pages import product_paths
from tests.bench.results import Result
from tests.bench.shop import Measured, Served, Shops, body_of, cpu_seconds, served

ROUNDS = 9
HOT = 20
GOAL = 1.2
EVERYTHING = "SELECT pg_notify('cache_changes', pg_current_xact_id()::text || ' *')"


def hot(shop: Served, paths: list[str]) -> Measured:
    """A second of ready pages."""
    return shop.measured("/", seconds=1, headers={}, paths=paths)


def uncached(shop: Served, paths: list[str], url: str) -> tuple[float, list[float]]:
    """CPU ms a page of the web process, and the ms that each page took."""
    with psycopg2.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(EVERYTHING)
    connection.close()
    time.sleep(0.3)
    times, before = [], cpu_seconds(shop.process.pid)
    for path in paths:
        began = time.perf_counter()
        body_of(shop, path, {})
        times.append((time.perf_counter() - began) * 1e3)
    return (cpu_seconds(shop.process.pid) - before) / len(paths) * 1e3, times


def main(shops: Shops) -> list[Result]:
    """Prints both shops side by side."""
    with served(shops.small) as few, served(shops.large) as many:
        paths = product_paths(few)[:HOT]
        for shop in (few, many):
            for path in paths:
                body_of(shop, path, {})
        ready = [(hot(few, paths), hot(many, paths)) for _ in range(ROUNDS)]
        urls = (shops.small["SHOP_DATABASE_OWNER_URL"], shops.large["SHOP_DATABASE_OWNER_URL"])
        fresh = [(uncached(few, paths, urls[0]), uncached(many, paths, urls[1])) for _ in range(ROUNDS)]
    for number, name in enumerate(("100", f"{Shops.LARGE:,}")):
        rounds, waits = [pair[number] for pair in ready], [wait for pair in fresh for wait in pair[number][1]]
        cpu, p50, p99 = (statistics.median(getattr(r, what) for r in rounds) for what in ("cpu", "p50", "p99"))
        own = statistics.median(pair[number][0] for pair in fresh)
        edges = statistics.quantiles(waits, n=100)
        print(
            f"{name:>8} products: ready {cpu:.0f} µs, p50 {p50:.2f} ms, p99 {p99:.2f} ms; "
            f"uncached {own:.1f} ms, p50 {edges[49]:.1f} ms, p99 {edges[98]:.1f} ms"
        )
    return [
        Result("hot pages, 100,000 products to 100", _ratio([(b.cpu, a.cpu) for a, b in ready]), GOAL, "CPU"),
        Result("uncached pages, the same", _ratio([(b[0], a[0]) for a, b in fresh]), GOAL, "CPU"),
        Result("uncached pages, the same", _ratio([(_p50(b[1]), _p50(a[1])) for a, b in fresh]), GOAL, "time"),
    ]


def _p50(times: list[float]) -> float:
    return statistics.median(times)


def _ratio(pairs: list[tuple[float, float]]) -> float:
    return statistics.median(large / small for large, small in pairs if small)
