"""A small proxy in front of Redis that delays, falls silent or cuts: faults without touching the server."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit


class Proxy:
    """Listens on a unix socket of its own; `silent` accepts and never answers, `delay` holds every answer back."""

    def __init__(self, target: str, path: Path) -> None:
        self._target = urlsplit(target).path
        self._database = urlsplit(target).query
        self._path = path
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: list[asyncio.StreamWriter] = []
        self.delay = 0.0
        self.silent = False
        self.connections = 0
        self.reads = 0

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"unix://{self._path}?{self._database}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_unix_server(self._serve, str(self._path))
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._server.close()
        self.cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def refuse(self) -> None:
        """Be gone: existing connections break and new ones are refused."""
        self._server.close()
        self._path.unlink(missing_ok=True)
        self.cut()

    def cut(self) -> None:
        """Break every connection there is."""
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        far_reader, far_writer = await asyncio.open_unix_connection(self._target)
        self._writers += [writer, far_writer]
        for task in (
            asyncio.create_task(self._carry(reader, far_writer, asked=True)),
            asyncio.create_task(self._carry(far_reader, writer, asked=False)),
        ):
            self._tasks.add(task)

    async def _carry(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, asked: bool) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(1 << 20):
                if self.silent:
                    continue
                if asked:
                    self.reads += 1
                elif self.delay:
                    await asyncio.sleep(self.delay)
                sink.write(data)
        sink.transport.abort()
