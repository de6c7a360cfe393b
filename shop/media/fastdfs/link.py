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
        self.used = 0
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._reply: asyncio.Future[tuple[int, bytes]] | None = None
        self._limit = 0
        self._chunks: list[bytes] = []
        self._have = 0
        self._expected = -1
        self._status = 0

    @classmethod
    async def open(cls, server: Server, seconds: float = CONNECT_SECONDS) -> Link:
        """Connects; raises LinkLost."""
        try:
            async with asyncio.timeout(seconds):
                _, link = await asyncio.get_running_loop().create_connection(cls, server.host, server.port)
        except (OSError, TimeoutError) as problem:
            raise LinkLost(f"{server.host}:{server.port} cannot be reached: {problem or 'no answer'}") from None
        return link

    async def ask(self, request: Request, seconds: float) -> tuple[int, bytes]:
        """Status and body of the reply; raises LinkLost, and whatever then became of the link, it is not used again.

        security: a refusal of content ends the link at once, for what is still under way would be taken for requests.
        """
        transport = self._transport
        if transport is None or not self.is_usable or self._reply is not None:
            raise LinkLost("the connection was lost while it was idle")
        self._reply = self._loop.create_future()
        self._limit, self._expected, self._have = request.limit, -1, 0
        self._chunks.clear()
        timer = self._loop.call_later(max(seconds, 0.0), self._fail, "no answer in time")
        try:
            self._send(transport, request)
            status, body = await self._reply
        except BaseException:
            self.abort()
            raise
        finally:
            timer.cancel()
            self._reply = None
        if status and (request.carries_content or status != ENOENT):
            self.abort()
        self.used += 1
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
        self._chunks.append(data)
        self._have += len(data)
        if self._expected < 0 and self._have >= HEADER.size:
            self._read_header()
        if 0 <= self._expected <= self._have:
            self._finish()

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_usable = False
        self._fail("the connection was lost")

    def _send(self, transport: asyncio.Transport, request: Request) -> None:
        # surprise: uvloop sends two writes in one call, and needs half the time of writelines or of joining them.
        transport.write(request.head)
        if request.content:
            transport.write(request.content)

    def _read_header(self) -> None:
        if len(self._chunks) > 1:
            self._chunks[:] = [b"".join(self._chunks)]
        length, command, self._status = HEADER.unpack_from(self._chunks[0])
        if command != REPLY or not 0 <= length <= self._limit:
            self._fail(f"a reply of command {command} and {length} bytes")
            return
        self._expected = HEADER.size + length

    def _finish(self) -> None:
        transport = self._transport
        if self._have > self._expected:
            self._fail("more than one reply")
        elif transport is not None and transport.get_write_buffer_size():
            # The server answered before it had everything: whatever it says, the rest is not sent.
            self.abort()
            self._fail("the server answered in mid-upload") if not self._status else self._settle()
        else:
            self._settle()

    def _settle(self) -> None:
        self._chunks[0] = self._chunks[0][HEADER.size :]
        body = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        if self._reply is not None and not self._reply.done():
            self._reply.set_result((self._status, body))

    def _fail(self, reason: str) -> None:
        self.is_usable = False
        if self._reply is not None and not self._reply.done():
            self._reply.set_exception(LinkLost(reason, answered=self._have > 0))
        if self._transport is not None:
            with suppress(RuntimeError):
                self._transport.abort()
