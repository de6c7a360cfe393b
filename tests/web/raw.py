"""HTTP by hand: bytes in, bytes out, for what no well-behaved client would send."""

import asyncio
from dataclasses import dataclass

from aiohttp.test_utils import TestServer


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, headers in lower case, and the rest."""

    status: int
    headers: dict[str, str]
    body: bytes


async def exchange(server: TestServer, sent: bytes, *, seconds: float = 5.0) -> bytes:
    """Everything the server says to these bytes until it closes (or the time is up)."""
    reader, writer = await asyncio.open_connection(server.host, server.port)
    received = b""
    try:
        writer.write(sent)
        await writer.drain()
        async with asyncio.timeout(seconds):
            while chunk := await reader.read(65536):
                received += chunk
    except (TimeoutError, ConnectionError):
        pass
    finally:
        writer.close()
    return received


def answers(received: bytes) -> list[Answer]:
    """The answers in a stream of bytes; every one of ours carries a Content-Length."""
    found = []
    while received.startswith(b"HTTP/1."):
        head, _, rest = received.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", len(rest)))
        found.append(Answer(int(first.split()[1]), headers, rest[:length]))
        received = rest[length:]
    return found


def host(server: TestServer) -> str:
    """The Host header our shop answers to."""
    return f"127.0.0.1:{server.port}"
