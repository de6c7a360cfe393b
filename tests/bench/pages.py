"""Pages against a bare aiohttp handler that returns the same bytes: rates, CPU a request and latencies, in one run on one core.

Run: python -m tests.bench.pages [--rounds 5] [--seconds 3]. The server is pinned to core 0; load and databases run beside it. Medians of
alternated rounds; the ratio of CPU a request is the figure to trust.
"""

from __future__ import annotations

import argparse
import os
import statistics
from collections.abc import Mapping

from tests.bench.shop import Measured, Served, bare, body_of, demo_shop, served, signed_in_cookie

GOALS = {
    "home, guest": ("/", False, 0.75),
    "category, guest": ("/categories/fruit", False, 0.75),
    "product, guest": ("/products/fuji-apples", False, 0.75),
    "product, signed in": ("/products/fuji-apples", True, 0.45),
}


def compared(
    shop: Served, path: str, headers: Mapping[str, str], rounds: int, seconds: int
) -> tuple[Measured, Measured]:
    """Medians of the shop's page and of the bare handler with its bytes."""
    body = body_of(shop, path, headers)
    ours, theirs = [], []
    with bare(body) as plain:
        for _ in range(rounds):
            ours.append(shop.measured(path, seconds=seconds, headers=headers))
            theirs.append(plain.measured("/", seconds=seconds, headers={}))
    return median(ours), median(theirs)


def median(rounds: list[Measured]) -> Measured:
    return Measured(*(statistics.median(getattr(r, name) for r in rounds) for name in ("rate", "cpu", "p50", "p99")))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--products", type=int, default=0)
    options, _ = parser.parse_known_args()
    if (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, set(range(1, os.cpu_count() or 2)))
    failed = False
    print(
        f"{'page':<22}{'rate/s':>9}{'bare/s':>9}{'CPU µs':>9}{'bare µs':>9}{'ratio':>8}{'goal':>7}{'p50 ms':>9}{'p99 ms':>9}"
    )
    with demo_shop(options.products) as place, served(place) as shop:
        cookie = signed_in_cookie(shop)
        for name, (path, signed_in, goal) in GOALS.items():
            headers = {"Cookie": cookie} if signed_in else {}
            ours, theirs = compared(shop, path, headers, options.rounds, options.seconds)
            ratio = theirs.cpu / ours.cpu
            failed |= ratio < goal
            print(
                f"{name:<22}{ours.rate:>9.0f}{theirs.rate:>9.0f}{ours.cpu:>9.1f}{theirs.cpu:>9.1f}{ratio:>8.2f}{goal:>7.2f}"
                f"{ours.p50:>9.2f}{ours.p99:>9.2f}"
            )
    return int(failed)


if __name__ == "__main__":
    raise SystemExit(main())
