"""A shop with a place where a person may add pictures: what the back office has, without its staff."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from aiohttp import FormData, web
from aiohttp.test_utils import TestClient
from PIL import Image

from shop.app import create_app
from shop.settings import Settings
from shop.web import routing, uploads
from shop.web.access import anyone
from shop.web.bodies import UPLOADED
from tests.servers import ShopServer

PATH = "/pictures"
FORM = "/pictures/form"
Answer = tuple[int, dict[str, Any]]


async def take_from_form(request: web.Request) -> web.Response:
    """A page's form without script, whose view leaves a full store to the shop."""
    await uploads.store_picture(request, request[UPLOADED].files["file"], by="lin")
    return web.Response()


async def take(request: web.Request) -> web.Response:
    """One picture of somebody."""
    return await uploads.take_picture(request, by=request.headers.get("X-Person", "lin"))


def picture_bytes(
    size: tuple[int, int] = (64, 48), kind: str = "PNG", colour: str = "#5f9b41", **options: Any
) -> bytes:
    """A small picture in some format."""
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, kind, **options)
    return out.getvalue()


@pytest.fixture
async def studio(
    settings: Settings, clean: None, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[TestClient[web.Request, web.Application]]:
    """A visitor of a shop whose PATH takes pictures."""
    monkeypatch.setattr(routing, "PATHS", {**routing.PATHS, "test.pictures": PATH, "test.form": FORM})
    app = await asyncio.to_thread(create_app, settings)
    routing.add_routes(
        app,
        [
            routing.upload("test.pictures", take, anyone),
            routing.upload("test.form", take_from_form, anyone),
        ],
    )
    async with ShopServer(app, port=settings.port) as server, TestClient(server) as visitor:
        yield visitor


async def send(
    studio: TestClient[Any, Any], data: bytes, name: str = "a.png", *, lang: str = "", headers: Mapping[str, str] = {}
) -> Answer:
    """Sends one file as an editor would; status and answer."""
    form = FormData()
    form.add_field("file", data, filename=name, content_type="application/octet-stream")
    response = await studio.post(f"{lang}{PATH}", data=form, headers=headers)
    return response.status, await response.json(content_type=None)
