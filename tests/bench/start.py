"""What a start costs: the CPU that each program of a shop uses until it tells systemd that it is ready."""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Mapping

from tests.bench.results import Result
from tests.bench.shop import Shops, free_port
from tests.production.place import cpu_seconds, dismiss, manager, start
from tests.servers import scratch_folder

STARTS = 3
PROGRAMS = ("serve", "relay", "beat", "worker")
GOAL = 2.0  # seconds of CPU, on a machine that does nothing else


def started(program: str, environ: Mapping[str, str]) -> float:
    """CPU until it is ready; prints the seconds on the wall too."""
    with scratch_folder() as folder, manager(folder) as watching:
        began = time.monotonic()
        process = start([sys.executable, "run.py", program], {**environ, **watching.environ})
        try:
            watching.wait_for("READY=1")
            used = cpu_seconds(process.pid)
        finally:
            dismiss(process)
    print(f"{program:<8}{used:5.2f} s of CPU in {time.monotonic() - began:5.1f} s")
    return used


def main(shops: Shops) -> list[Result]:
    """The median of three starts of each, after one that leaves its bytecode."""
    environ = {**os.environ, **shops.small, "SHOP_PORT": str(free_port()), "SHOP_URL": "http://127.0.0.1"}
    results = []
    for program in PROGRAMS:
        started(program, environ)
        used = statistics.median(started(program, environ) for _ in range(STARTS))
        results.append(Result(f"start of {program} until it is ready", used, GOAL, "s of CPU"))
    return results
