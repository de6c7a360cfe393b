"""What systemd is told (sd_notify): that we are ready, that our loop turns, that we are going. Without systemd nobody is told."""

from __future__ import annotations

import asyncio
import os
import socket
from contextlib import suppress
from typing import Final

READY: Final = "READY=1"
ALIVE: Final = "WATCHDOG=1"
STOPPING: Final = "STOPPING=1"


def notify(state: str) -> None:
    """Tell the manager that started us; one that cannot be reached is no reason to stop working."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    path = "\0" + address[1:] if address.startswith("@") else address
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
        sender.setblocking(False)
        sender.sendto(state.encode(), path)


def watchdog_pause() -> float | None:
    """Seconds between two signs of life, a third of what the manager waits for; None when it does not watch this process."""
    limit = os.environ.get("WATCHDOG_USEC", "")
    watched = os.environ.get("WATCHDOG_PID") or str(os.getpid())
    if not limit.isdecimal() or watched != str(os.getpid()):
        return None
    return int(limit) / 1e6 / 3


def ready() -> None:
    """Say that we are ready, and from now on that this event loop turns.

    surprise: nothing else feeds the watchdog, above all no look at a database: a dead one would restart every healthy process.
    """
    notify(READY)
    pause = watchdog_pause()
    if pause is not None:
        _sign_of_life(asyncio.get_running_loop(), pause)


def _sign_of_life(loop: asyncio.AbstractEventLoop, pause: float) -> None:
    notify(ALIVE)
    loop.call_later(pause, _sign_of_life, loop, pause)
