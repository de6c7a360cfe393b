"""The life of one web process, until it is told to stop."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import uvloop
from aiohttp import web

from shop.commands.sockets import BACKLOG
from shop.notify import STOPPING, notify, ready
from shop.web.server import Runner

M_MMAP_THRESHOLD: Final = -3  # malloc.h
M_ARENA_MAX: Final = -8


def run(create: Callable[[], web.Application], sockets: list[socket.socket], **limits: float) -> None:
    """Serve until SIGTERM or SIGINT, then take leave of those who are connected; `limits` are those of Runner, in seconds."""
    give_memory_back()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(create(), sockets, limits))


async def _serve(app: web.Application, sockets: list[socket.socket], limits: dict[str, float]) -> None:
    stop = asyncio.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, stop.set)
    runner = Runner(app, **limits)
    await runner.setup()
    for opened in sockets:
        await web.SockSite(runner, opened, backlog=BACKLOG).start()
    gc.freeze()  # what lives from the start is never looked through; the little garbage in it is not worth a tenth of a second
    gc.enable()
    ready()
    await stop.wait()
    notify(STOPPING)
    await runner.cleanup()


def give_memory_back() -> None:
    """Let glibc return what was large to the system; elsewhere nothing happens.

    surprise: after the first hashed password it would keep 19 MB for the next one, in each thread that hashes.
    """
    with suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        libc.mallopt(M_MMAP_THRESHOLD, 1024**2)
        libc.mallopt(M_ARENA_MAX, 2)
