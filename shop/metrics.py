"""The counters of any process, in Prometheus' words, and where they are read."""

from __future__ import annotations

import os

import structlog
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, start_http_server
from prometheus_client.multiprocess import MultiProcessCollector

log = structlog.get_logger("shop.metrics")

LOOP_LAG = Histogram(
    "shop_loop_lag_seconds",
    "How much later than asked the event loop came round",
    buckets=(0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 3),
)
POOL = Gauge(
    "shop_pool_links",
    "Connections to PostgreSQL: busy (lent), all (open or being opened), most (that may be)",
    ["state"],
    multiprocess_mode="livesum",
)
REPEATED = Gauge(
    "shop_transactions_repeated",
    "Transactions that were tried again after a deadlock or a serialization failure",
    multiprocess_mode="livesum",
)
PAGES = Counter(
    "shop_pages_total", "Pages asked for, by where they came from: ready, kept, shared, rendered", ["source"]
)
ORDERS = Counter("shop_orders_total", "Checkouts, by what came of them: placed (or found again), refused", ["outcome"])
PAYMENTS = Counter(
    "shop_payments_total", "What providers said, by what it meant; refused notices too", ["provider", "outcome"]
)
OUTBOX = Gauge("shop_outbox_promises", "Promises by state: open, buried", ["state"])
OUTBOX_AGE = Gauge("shop_outbox_oldest_seconds", "How long the oldest promise that is due has waited")
QUEUE = Gauge("shop_queue_messages", "Messages in the broker that no worker has taken")
TASKS = Counter("shop_tasks_total", "Promises that were worked on, by what came of them", ["task", "outcome"])
TASK_SECONDS = Histogram(
    "shop_task_seconds", "How long a promise was worked on", ["task"], buckets=(0.01, 0.05, 0.1, 0.5, 1, 5, 15, 45)
)


def numbered(address: str, number: int) -> str:
    """The address of one process of a host: `number` ports above that of the setting; "" stays nobody's."""
    host, _, port = address.rpartition(":")
    return f"{host}:{int(port) + number}" if address else ""


def serve_metrics(address: str) -> None:
    """Answer Prometheus at `host:port` from a thread of its own; "" answers nobody, and a port that is taken is only logged.

    A program of several processes (PROMETHEUS_MULTIPROC_DIR) answers for all of them.
    """
    if not address:
        return
    registry = REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    host, _, port = address.rpartition(":")
    try:
        start_http_server(int(port), host.strip("[]"), registry)
    except OSError as problem:
        log.error("metrics are not served", address=address, error=str(problem))
