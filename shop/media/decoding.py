"""Strangers' pictures are opened in a child process: what breaks its decoder breaks a process that owns nothing and ends anyway."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from shop.children import plain_environment
from shop.deadline import remaining
from shop.media.errors import PictureRefused, Refusal
from shop.media.kinds import kind_of

SECONDS: Final = 5.0
AT_ONCE: Final = 2
HOME: Final = Path(__file__).resolve().parents[2]
# -I: neither the environment nor the working folder says what is imported.
START: Final = "import runpy, sys; sys.path.insert(0, sys.argv.pop(1)); runpy.run_module('shop.media.encoder', run_name='__main__')"


@dataclass(frozen=True, slots=True)
class Decoded:
    """A picture as our own encoder wrote it; its size in pixels."""

    data: bytes
    width: int
    height: int


class Decoder:
    """Opens pictures, two at a time; each gets a process, a gigabyte and five seconds."""

    def __init__(self, seconds: float = SECONDS, at_once: int = AT_ONCE) -> None:
        self._seconds = seconds
        self._places = asyncio.Semaphore(at_once)

    async def picture(self, data: bytes) -> Decoded:
        """The picture as it will be kept: upright, in sRGB, without EXIF; raises PictureRefused."""
        kind_of(data)  # most of what is refused needs no process
        about, files = await self._run(data, "picture")
        return Decoded(files[0], about["width"], about["height"])

    async def renditions(self, data: bytes, widths: tuple[int, ...]) -> dict[int, bytes]:
        """The picture in each width (pixels), never enlarged; raises PictureRefused."""
        _, files = await self._run(data, "renditions", *map(str, widths))
        return dict(zip(widths, files, strict=True))

    async def _run(self, data: bytes, *task: str) -> tuple[dict[str, Any], list[bytes]]:
        seconds = remaining(self._seconds)
        try:
            async with asyncio.timeout(seconds):
                await self._places.acquire()
        except TimeoutError:
            raise PictureRefused(Refusal.BUSY) from None
        try:
            return _read(await _child(data, task, remaining(self._seconds)))
        finally:
            self._places.release()


async def _child(data: bytes, task: tuple[str, ...], seconds: float) -> bytes:
    """What the child wrote; it is killed and buried when its time is up, or when we are cancelled."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-B", "-c", START, str(HOME), *task,
        stdin=PIPE, stdout=PIPE, stderr=DEVNULL, cwd="/", env=plain_environment(), start_new_session=True,
    )  # fmt: skip
    try:
        async with asyncio.timeout(seconds):
            written, _ = await child.communicate(data)
    except TimeoutError:
        raise PictureRefused(Refusal.TOO_MUCH_WORK) from None
    finally:
        await _buried(child)
    if child.returncode:
        killed = child.returncode in (-signal.SIGXCPU, -signal.SIGKILL)
        raise PictureRefused(Refusal.TOO_MUCH_WORK if killed else Refusal.BROKEN)
    return written


async def _buried(child: Process) -> None:
    if child.returncode is None:
        with suppress(ProcessLookupError):
            child.kill()
        await asyncio.shield(child.wait())


def _read(written: bytes) -> tuple[dict[str, Any], list[bytes]]:
    line, _, rest = written.partition(b"\n")
    about: dict[str, Any] = json.loads(line)
    if reason := about.get("refused"):
        raise PictureRefused(Refusal(reason))
    files, at = [], 0
    for size in about["sizes"]:
        files.append(rest[at : at + size])
        at += size
    return about, files
