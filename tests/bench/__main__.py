"""`make bench`: every measurement, one after another, and a table at the end; `python -m tests.bench pages db` for some.

It ends with 1 when a goal was missed by more than runs on a shared machine differ.
"""

from __future__ import annotations

import importlib
import os
import sys
import time

from tests.bench.results import Result, table
from tests.bench.shop import Shops

ALL = ("db", "redis_commands", "orders", "render", "pages", "search", "growth", "start", "memory", "media")


def main(names: list[str]) -> int:
    """1 when a goal was missed."""
    results: list[Result] = []
    began = time.monotonic()
    if (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, set(range(1, os.cpu_count() or 2)))
    with Shops() as shops:
        for name in names or ALL:
            print(f"\n== {name}", flush=True)
            results += importlib.import_module(f"tests.bench.{name}").main(shops)
    print(f"\n{table(results)}\n{time.monotonic() - began:.0f} s")
    return int(any(result.verdict == "missed" for result in results))


if __name__ == "__main__":
    raise SystemExit(main([name for name in sys.argv[1:] if name in ALL]))
