"""`make bench`: every measurement, one after another; `python -m tests.bench pages db` for some."""

import importlib
import sys

ALL = ("db", "redis_commands", "search", "orders", "pages")


def main(names: list[str]) -> int:
    """1 when a goal was missed."""
    missed = False
    for name in names or ALL:
        print(f"\n== {name}")
        missed |= bool(importlib.import_module(f"tests.bench.{name}").main())
    return int(missed)


if __name__ == "__main__":
    raise SystemExit(main([name for name in sys.argv[1:] if name in ALL]))
