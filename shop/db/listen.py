"""LISTEN/NOTIFY that survives lost connections: what was missed is not replayed, so every reconnect is told."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Awaitable, Callable, Mapping

import psycopg2

from .engine import completed
from .errors import DbError
from .link import Link

log = logging.getLogger(__name__)

CONNECT_SECONDS = 2.0
PROBE_SECONDS = 5.0
PROBE_REPLY_SECONDS = 2.0
RETRY_SECONDS = (0.1, 2.0)

Heard = Callable[[str], Awaitable[None] | None]
Connected = Callable[[], Awaitable[None] | None]


class Listener:
    """One direct connection (never through a pooler) that calls `channels[name](payload)` for each notification.

    `connected` is called whenever listening begins, also after each reconnect: whoever keeps something from notifications reads again
    there what it may have missed. While `is_connected` is False nothing is heard.
    """

    def __init__(self, url: str, channels: Mapping[str, Heard], connected: Connected | None = None) -> None:
        for name in channels:
            if not name.isidentifier():
                raise ValueError(f"{name!r} cannot be the name of a channel")
        self._url, self._channels, self._connected = url, channels, connected
        self._task: asyncio.Task[None] | None = None
        self.is_connected = False

    def start(self) -> None:
        """Listens in the background until `stop`; a server that is away is tried again within two seconds."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Ends listening and closes the connection."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        pause, longest = RETRY_SECONDS
        while True:
            try:
                await self._listen()
            except (DbError, psycopg2.Error) as error:
                if self.is_connected:
                    log.warning("listening to PostgreSQL ended: %s", error)
                    pause = RETRY_SECONDS[0]
            except Exception:
                # Whatever `connected` did not expect: a process that hears nothing any more must not go on in silence.
                log.exception("listening to PostgreSQL ended")
            finally:
                self.is_connected = False
            await asyncio.sleep(pause * random.uniform(0.8, 1.2))  # noqa: S311  (spreads reconnects)
            pause = min(pause * 2, longest)

    async def _listen(self) -> None:
        link = await Link.connect(self._url, CONNECT_SECONDS)
        try:
            for name in self._channels:
                await link.run(f"LISTEN {name}", None, CONNECT_SECONDS)
            self.is_connected = True
            if self._connected is not None:
                await completed(self._connected())
            while True:
                await self._next(link)
        finally:
            link.close()

    async def _next(self, link: Link) -> None:
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                notify = await link.notifies.get()
        except TimeoutError:
            # A peer that vanished says nothing either: only an answer shows that we would hear.
            await link.run("SELECT 1", None, PROBE_REPLY_SECONDS)
            return
        try:
            await completed(self._channels[notify.channel](notify.payload))
        except DbError:
            raise
        except Exception:
            log.exception("what was heard on %s could not be used", notify.channel)
