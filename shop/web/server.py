"""aiohttp's server with our limits and our answer to what is not HTTP; `run.py serve`, `run.py dev` and the tests all use it."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from aiohttp import web
from aiohttp.web_protocol import RequestHandler, RequestPayloadError
from aiohttp.web_request import BaseRequest

from shop.web.headers import SERVER, protection
from shop.web.metrics import observe
from shop.web.ready import Front

KEEPALIVE_SECONDS = 75.0
LINGERING_SECONDS = 2.0  # for the rest of a body nobody reads any more
SHUTDOWN_SECONDS = 10.0
ACCEPTED_SECONDS = 1.0  # for the request of a connection that was accepted last
LOOK_SECONDS = 0.02
# How a real shop takes leave, in seconds: the proxy lets go of a connection after 3 s without a request (config/nginx), a checkout takes at
# most 8 s; all of it at most 15.
LEAVING = {"kept_seconds": 5.0, "shutdown_timeout": 8.0}
NOT_HTTP = "This request could not be understood.\n"


class Protocol(RequestHandler):
    """One connection; what the parser refuses is answered without echo, version or log line."""

    __slots__ = ()

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """Our own errors are logged; a body that was never read and turns out broken is the sender's."""
        if not isinstance(kw.get("exc_info"), RequestPayloadError):
            super().log_exception(*args, **kw)

    def handle_error(
        self,
        request: BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """A plain answer that closes the connection.

        security: aiohttp's own repeats the bad bytes and names its version; and a log line for each would let anybody fill the disk.
        """
        if request.writer is not None and request.writer.output_size > 0:
            raise ConnectionError("an answer is on its way already")
        observe("none", status, 0.0)
        headers = {**protection(tls=False), "Server": SERVER, "Connection": "close"}
        response = web.Response(status=status, text=NOT_HTTP, headers=headers)
        response.force_close()
        return response


class Server(web.Server):
    """Makes our Protocol for each connection."""

    def __call__(self) -> RequestHandler:
        return Protocol(self, loop=self._loop, **self._kwargs)


class Runner(web.AppRunner):
    """Serves an application: no access log in Python (nginx keeps it), idle connections end before nginx would use them again.

    `kept_seconds` is how long the proxy may take to let go of its kept connections when we are told to stop.
    """

    def __init__(self, app: web.Application, *, kept_seconds: float = 0.0, **options: object) -> None:
        limits: dict[str, object] = {
            "access_log": None,
            "keepalive_timeout": KEEPALIVE_SECONDS,
            "lingering_time": LINGERING_SECONDS,
            "shutdown_timeout": SHUTDOWN_SECONDS,
        }
        super().__init__(app, **{**limits, **options})  # type: ignore[arg-type]
        self._kept_seconds = kept_seconds

    async def cleanup(self) -> None:
        """Take leave of those who are connected, then close everything."""
        if self._kept_seconds and self.server is not None:
            await self._take_leave()
        await super().cleanup()

    async def _take_leave(self) -> None:
        """Answer until every connection of before is gone, each answer saying that it was the last; then accept no more.

        A proxy that keeps connections may send a request in the moment in which we close one, and must not repeat a POST. So we close
        none that might be used: an answer says `Connection: close`, and unused ones the proxy closes itself.
        """
        await self.shutdown()  # says so to whoever watches an order, and to /readyz
        before = set(self._connected())
        await _until(lambda: before.isdisjoint(self._connected()), self._kept_seconds)
        for site in list(self.sites):
            await site.stop()
        await _until(lambda: not self._connected(), ACCEPTED_SECONDS)

    def _connected(self) -> list[RequestHandler]:
        return self.server.connections if self.server else []

    async def _make_server(self) -> web.Server:
        plain = await super()._make_server()
        return Server(
            Front(self.app, plain.request_handler),
            request_factory=plain.request_factory,
            loop=asyncio.get_running_loop(),
            **plain._kwargs,
        )


async def _until(is_so: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not is_so() and time.monotonic() < end:  # noqa: ASYNC110  (aiohttp tells nobody when a connection ends)
        await asyncio.sleep(LOOK_SECONDS)
