"""One connection to one server: a request, then its reply, never two at once, and read while writing."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any, Final

from shop.media.fastdfs.errors import ENOENT, LinkLost
from shop.media.fastdfs.protocol import HEADER, REPLY, Request, Server

CONNECT_SECONDS: Final = 1.0


class Link(asyncio.Protocol):
    """A connection; `is_usable` says whether it may take another request."""

    def __init__(self) -> None:
        self.is_usable = True
        self.was_used = False
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._reply: asyncio.Future[tuple[int, bytes]] | None = None
        self._limit = 0
        self._begun = b""  # of a header
        self._status = 0
        self._missing: int | None = None  # bytes of the body; None before the header is there
        self._chunks: list[bytes] = []
        self._end = 0.0
        self._alarm: asyncio.TimerHandle | None = None
        self._rings_at = 0.0

    @classmethod
    async def open(cls, server: Server, seconds: float = CONNECT_SECONDS) -> Link:
        """Connects; raises LinkLost."""
        try:
            async with asyncio.timeout(seconds):
                _, link = await asyncio.get_running_loop().create_connection(cls, server.host, server.port)
        except (OSError, TimeoutError) as problem:
            raise LinkLost(f"{server.host}:{server.port} cannot be reached: {problem or 'no answer'}") from None
        return link

    async def ask(self, request: Request, end: float) -> tuple[int, bytes]:
        """Status and body of the reply, until `end` on the loop's clock; raises LinkLost, and then it is not used again.

        security: a refusal of content ends the link at once, for what is still under way would be taken for requests.
        """
        transport = self._transport
        if transport is None or not self.is_usable or self._reply is not None:
            raise LinkLost("the connection was lost while it was idle")
        self._reply = self._loop.create_future()
        self._limit, self._missing = request.limit, None
        self._watch(end)
        try:
            # surprise: one call of the system for both; two writes, or joining them, cost 10 to 30 µs more for 50 KB.
            transport.writelines((request.head, request.content)) if request.content else transport.write(request.head)
            status, body = await self._reply
        except BaseException:
            self.abort()
            raise
        finally:
            self._reply = None
        if status and (request.carries_content or status != ENOENT):
            self.abort()
        self.was_used = True
        return status, body

    def abort(self) -> None:
        """Ends the connection without sending what still waits."""
        self.is_usable = False
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if self._reply is None or self._reply.done():
            self.abort()  # nobody asked
            return
        if self._missing is None:
            data = self._begun + data
            if len(data) < HEADER.size:
                self._begun = data
                return
            length, command, self._status = HEADER.unpack_from(data)
            self._begun, self._missing, data = b"", length, data[HEADER.size :]
            if command != REPLY or not 0 <= length <= self._limit:
                self._fail(f"a reply of command {command} and {length} bytes")
                return
        self._chunks.append(data)
        self._missing -= len(data)
        if self._missing <= 0:
            self._finish(self._reply, self._missing == 0)

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail("the connection was lost")
        if self._alarm is not None:
            self._alarm.cancel()

    def _finish(self, reply: asyncio.Future[tuple[int, bytes]], is_one: bool) -> None:
        transport = self._transport
        is_early = transport is not None and transport.get_write_buffer_size() > 0
        if not is_one:
            self._fail("more than one reply")
        elif is_early and not self._status:
            self._fail("the server answered in mid-upload")
        else:
            if is_early:
                self.abort()  # whatever it says, the rest is not sent
            reply.set_result((self._status, b"".join(self._chunks)))
        self._chunks.clear()

    def _watch(self, end: float) -> None:
        """One timer serves many requests: it looks again when the one it was set for is done."""
        self._end = end
        if self._alarm is None or end < self._rings_at:
            if self._alarm is not None:
                self._alarm.cancel()
            self._rings_at = end
            self._alarm = self._loop.call_at(end, self._ring)

    def _ring(self) -> None:
        self._alarm = None
        if self._reply is None:
            return
        if self._end > self._rings_at:
            self._watch(self._end)
        else:
            self._fail("no answer in time")

    def _fail(self, reason: str) -> None:
        self.is_usable = False
        answered = self._missing is not None or bool(self._begun)
        if self._reply is not None and not self._reply.done():
            self._reply.set_exception(LinkLost(reason, answered=answered))
        if self._transport is not None:
            with suppress(RuntimeError):
                self._transport.abort()
