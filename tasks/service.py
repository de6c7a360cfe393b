"""The life of a program beside the web processes: ready, watched, counted, and ended when told."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from shop import logs
from shop.metrics import serve_metrics
from shop.notify import STOPPING, notify, ready
from shop.settings import Settings

FAREWELL_SECONDS: Final = 0.5

log = structlog.get_logger("tasks")


async def run_until_told(name: str, settings: Settings, *works: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    """Run the works, each given the event that tells it to stop, until SIGTERM or SIGINT; end within a second of it."""
    logs.configure(development=settings.development, service=name)
    stop = asyncio.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, stop.set)
    serve_metrics(settings.metrics_listen)
    running = {asyncio.ensure_future(work(stop)) for work in works}
    log.info(f"{name} started")
    ready()
    await asyncio.wait({*running, asyncio.create_task(stop.wait())}, return_when=asyncio.FIRST_COMPLETED)
    notify(STOPPING)
    await asyncio.wait(running, timeout=FAREWELL_SECONDS)
    for task in running:
        if task.done():
            task.result()
        task.cancel()
