"""Pages that hear news: a stream of server-sent events until the reader leaves, may no longer listen, or the shop goes."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager
from typing import Final, Protocol

from aiohttp import web

from shop.web.respond import render_error

HEARTBEAT_SECONDS: Final = 20.0
STREAM_SECONDS: Final = 900.0
RETRY_SECONDS: Final = 30


class News(Protocol):
    """Who waits for news of which order."""

    is_closed: bool

    def waiting(
        self, order_id: int | None, visitor: str, session: bytes | None = None, *, at_most: int | None = None
    ) -> AbstractContextManager[asyncio.Event]:
        """An event that is set at every news of this order, with None of any order, and at the end of this session."""

    def close(self) -> None:
        """Ends every open page."""


LIVE: web.AppKey[News] = web.AppKey("LIVE")


async def stream(
    request: web.Request,
    news: asyncio.Event,
    may_listen: Callable[[], Awaitable[bool]],
    headers: Mapping[str, str],
    *,
    pause: float = 0.0,
) -> web.StreamResponse:
    """Tells of each news, at most once in `pause` seconds; each time, and at each sign of life, it is asked who may still listen."""
    live = request.app[LIVE]
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no", **headers})
    ends = asyncio.get_running_loop().time() + STREAM_SECONDS
    with contextlib.suppress(ConnectionResetError):
        await response.prepare(request)
        while not live.is_closed and asyncio.get_running_loop().time() < ends:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(HEARTBEAT_SECONDS):
                    await news.wait()
            # surprise: the deadline of a page must not end what lasts longer than a page
            asked = asyncio.get_running_loop().create_task(_asked(may_listen), context=contextvars.Context())
            if live.is_closed or not await asked:
                break
            await response.write(b"event: news\ndata: 1\n\n" if news.is_set() else b": still here\n\n")
            news.clear()
            await asyncio.sleep(pause)
    return response


def no_room(request: web.Request, status: int) -> web.Response:
    """429 or 503: so many pages listen already that this one has to ask now and then."""
    answer = render_error(request, status)
    answer.headers["Retry-After"] = str(RETRY_SECONDS)
    return answer


async def _asked(may_listen: Callable[[], Awaitable[bool]]) -> bool:
    return await may_listen()
