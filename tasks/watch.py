"""A worker that is alive but takes no messages ends itself, so that whoever supervises it starts another.

Under systemd the same look feeds the watchdog: a worker that is stopped as a whole feeds nobody, and is ended by systemd.
After a lost connection Celery's consumer has been seen to come back deaf (celery#8030, #9054, #10205): nothing fails,
nothing is logged, and messages pile up. Only the queue tells.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import Any, Final

import structlog
from celery.signals import task_received, worker_process_shutdown, worker_ready, worker_shutting_down
from prometheus_client.multiprocess import mark_process_dead

from shop.metrics import serve_metrics
from shop.notify import ALIVE, READY, STOPPING, notify, watchdog_pause
from shop.settings import Settings
from tasks.app import TASK_SECONDS, app
from tasks.broker import connect, count

PATIENCE_SECONDS: Final = TASK_SECONDS + 15  # longer than any task may keep all hands busy
LOOK_SECONDS: Final = 5.0
GONE_DEAF: Final = 70

log = structlog.get_logger("tasks.watch")


class Watch:
    """Knows since when messages have waited although this worker took none."""

    def __init__(self, queued: Callable[[], int], patience: float = PATIENCE_SECONDS) -> None:
        self._queued = queued
        self._patience = patience
        self._since: float | None = None

    def received(self) -> None:
        """Note that the worker took a message."""
        self._since = None

    def is_deaf(self) -> bool:
        """Look at the queue; True once messages have waited longer than `patience` seconds with none taken."""
        try:
            waiting = self._queued()
        except Exception:  # a broker that is away is not the worker's fault
            waiting = 0
        if not waiting:
            self._since = None
            return False
        if self._since is None:
            self._since = time.monotonic()
        return time.monotonic() - self._since > self._patience


@worker_ready.connect(weak=False)  # type: ignore[untyped-decorator]
def _keep_watch(**_about: Any) -> None:
    ended = threading.Event()
    watch = Watch(_queued)
    task_received.connect(lambda **_message: watch.received(), weak=False)
    worker_shutting_down.connect(lambda **_shutdown: ended.set(), weak=False)
    serve_metrics(Settings.inherit(os.environ).metrics_listen)
    notify(READY)
    threading.Thread(target=_look_again_and_again, args=(watch, ended), name="watch", daemon=True).start()


def _look_again_and_again(watch: Watch, ended: threading.Event) -> None:
    pause = min(LOOK_SECONDS, watchdog_pause() or LOOK_SECONDS)
    while not ended.wait(pause):
        if watch.is_deaf():
            log.error("messages wait and none is taken; this worker ends")
            os._exit(GONE_DEAF)
        notify(ALIVE)
    notify(STOPPING)


@worker_process_shutdown.connect(weak=False)  # type: ignore[untyped-decorator]
def _forget_counts(pid: int | None = None, **_about: Any) -> None:
    """Take what a child that ends has at the moment out of the sums; what it has counted stays."""
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        mark_process_dead(pid or os.getpid())  # type: ignore[no-untyped-call]


def _queued() -> int:
    with connect(app) as connection:
        return count(connection)
