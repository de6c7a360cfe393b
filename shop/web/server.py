"""aiohttp's server with our limits and our answer to what is not HTTP; `run.py serve`, `run.py dev` and the tests all use it."""

import asyncio
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
    """Serves an application: no access log in Python (nginx keeps it), idle connections end before nginx would use them again."""

    def __init__(self, app: web.Application, **options: object) -> None:
        limits: dict[str, object] = {
            "access_log": None,
            "keepalive_timeout": KEEPALIVE_SECONDS,
            "lingering_time": LINGERING_SECONDS,
            "shutdown_timeout": SHUTDOWN_SECONDS,
        }
        super().__init__(app, **{**limits, **options})  # type: ignore[arg-type]

    async def _make_server(self) -> web.Server:
        plain = await super()._make_server()
        return Server(
            Front(self.app, plain.request_handler),
            request_factory=plain.request_factory,
            loop=asyncio.get_running_loop(),
            **plain._kwargs,
        )
