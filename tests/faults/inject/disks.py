"""Disks without a free byte: that of the pictures, that of logs and temporary files. PostgreSQL's is in postgres.py."""

from __future__ import annotations

import asyncio
import io
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from PIL import Image

from tests.faults.crowd import Crowd
from tests.faults.scratch import Scratch
from tests.faults.servers import fill
from tests.faults.web import PICTURES

EDITOR = 952


@asynccontextmanager
async def pictures_and_no_disk(shop: Scratch, crowd: Crowd, chance: random.Random) -> AsyncIterator[None]:
    """Pictures are added, then to a full disk, then again; only what is whole may have a row."""
    editor = crowd.shopper(EDITOR, chance)

    async def add(times: int) -> set[int]:
        return {(await editor.send_file(PICTURES, picture(chance))).status for _ in range(times)}

    assert await add(2) == {200}
    filler = await asyncio.to_thread(fill, shop.folder / "media")
    refused = await add(3)
    yield
    filler.unlink()
    assert 200 not in refused, "a picture found room on a full disk"
    assert await add(2) == {200}
    await editor.leave()


def picture(chance: random.Random) -> bytes:
    """A small picture that nobody has added before."""
    out = io.BytesIO()
    Image.frombytes("RGB", (64, 48), chance.randbytes(64 * 48 * 3)).save(out, "PNG")
    return out.getvalue()


@asynccontextmanager
async def no_room_for_logs(shop: Scratch, _crowd: Crowd, _chance: random.Random) -> AsyncIterator[None]:
    """Neither logs nor temporary files can be written."""
    filler = await asyncio.to_thread(fill, shop.folder / "logs")
    yield
    filler.unlink()
