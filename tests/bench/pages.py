"""Pages against a bare aiohttp handler that returns the same bytes: rates, CPU a request and latencies, in one run on one core.

The server is pinned to core 0; load and databases run beside it. Medians of alternated rounds; the ratio of CPU a request is
the figure to trust. The member has looked at as many products as are remembered and has something in the basket.
"""

from __future__ import annotations

import re
import statistics
import urllib.parse
from collections.abc import Mapping

from tests.bench.results import Result
from tests.bench.shop import Measured, Served, Shops, bare, body_of, posted, served, signed_in_cookie

ROUNDS = 9
SECONDS = 1
HISTORY = 12
PRODUCT = "/products/fuji-apples"
GOALS = {
    "home, guest": ("/", False, 0.75),
    "category, guest": ("/categories/fruit", False, 0.75),
    "product, guest": (PRODUCT, False, 0.75),
    "product, signed in": (PRODUCT, True, 0.45),
}


def compared(shop: Served, path: str, headers: Mapping[str, str]) -> tuple[Measured, Measured, float]:
    """Medians of the shop's page, of the bare handler with its bytes, and of their ratio."""
    rounds = []
    with bare(body_of(shop, path, headers)) as plain:
        for _ in range(ROUNDS):
            ours = shop.measured(path, seconds=SECONDS, headers=headers)
            rounds.append((ours, plain.measured("/", seconds=SECONDS, headers={})))
    ratio = statistics.median(theirs.cpu / ours.cpu for ours, theirs in rounds)
    return median([ours for ours, _ in rounds]), median([theirs for _, theirs in rounds]), ratio


def median(rounds: list[Measured]) -> Measured:
    return Measured(*(statistics.median(getattr(r, name) for r in rounds) for name in ("rate", "cpu", "p50", "p99")))


def member(shop: Served) -> str:
    """The Cookie header of a customer with a full history and something in the basket."""
    cookie = signed_in_cookie(shop)
    for path in product_paths(shop)[:HISTORY]:
        body_of(shop, path, {"Cookie": cookie})
    page = body_of(shop, PRODUCT, {"Cookie": cookie}).decode()
    found = [
        re.search(pattern, page) for pattern in (r'name="csrf_token" value="([^"]+)"', r'name="sku" value="(\d+)"')
    ]
    token, sku = (match[1] for match in found if match)
    form = urllib.parse.urlencode({"csrf_token": token, "sku": sku, "quantity": "2"})
    posted(shop, "/cart/lines", form, {"Cookie": cookie})
    return cookie


def product_paths(shop: Served) -> list[str]:
    """Products of the demo."""
    listed = body_of(shop, "/categories/fruit", {}) + body_of(shop, "/", {})
    return list(dict.fromkeys(re.findall(r'href="(/products/[^"?]+)"', listed.decode())))


def main(shops: Shops) -> list[Result]:
    """Prints a line for each page."""
    print(f"{'page':<22}{'rate/s':>9}{'bare/s':>9}{'CPU µs':>9}{'bare µs':>9}{'ratio':>8}{'p50 ms':>9}{'p99 ms':>9}")
    results = []
    with served(shops.small) as shop:
        cookie = member(shop)
        for name, (path, is_member, goal) in GOALS.items():
            ours, theirs, ratio = compared(shop, path, {"Cookie": cookie} if is_member else {})
            print(
                f"{name:<22}{ours.rate:>9.0f}{theirs.rate:>9.0f}{ours.cpu:>9.1f}{theirs.cpu:>9.1f}{ratio:>8.2f}"
                f"{ours.p50:>9.2f}{ours.p99:>9.2f}",
                flush=True,
            )
            results.append(Result(name, ratio, goal, "CPU rate of the bare handler", at_most=False))
    return results
