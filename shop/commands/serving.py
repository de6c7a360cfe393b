"""The life of one web process, until it is told to stop."""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
from collections.abc import Callable

import uvloop
from aiohttp import web

from shop.commands.sockets import BACKLOG
from shop.web.server import Runner


def run(create: Callable[[], web.Application], sockets: list[socket.socket], *, grace: float) -> None:
    """Serve until SIGTERM or SIGINT, then let running requests end within `grace` seconds."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(create(), sockets, grace))


async def _serve(app: web.Application, sockets: list[socket.socket], grace: float) -> None:
    stop = asyncio.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, stop.set)
    runner = Runner(app, shutdown_timeout=grace)
    await runner.setup()
    for opened in sockets:
        await web.SockSite(runner, opened, backlog=BACKLOG).start()
    gc.collect()
    gc.freeze()  # what lives from the start is never looked through again
    await stop.wait()
    await runner.cleanup()
