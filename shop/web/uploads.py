"""Forms with files, read as they arrive: never more than was agreed, never by the name a file claims to have."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog
from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import HttpProcessingError

from shop.db import Connection
from shop.deadline import remaining
from shop.i18n import gettext
from shop.keys import DB, MEDIA
from shop.media import service
from shop.media.errors import MediaError, PictureRefused
from shop.media.names import WIDTHS, rendition
from shop.media.service import LARGEST, Stored
from shop.media.words import explained
from shop.web.bodies import UPLOADED, Uploaded
from shop.web.rendering import language_of

FILES: Final = 10
FIELDS: Final = 200
FIELD_BYTES: Final = 256 * 1024
ALL_BYTES: Final = 4 * LARGEST
UPLOAD_SECONDS: Final = 8.0
CHUNK: Final = 64 * 1024
# The field in which editors send a picture.
FIELD: Final = "file"

# What is written in the transaction of a picture's row.
Noted = Callable[[Connection, Stored], Awaitable[None]]

log = structlog.get_logger("shop.media")


async def read(request: web.Request) -> Uploaded:
    """The fields and files of a form, with the whole page's time to arrive; raises 400, 408 or 413."""
    if request.content_type != "multipart/form-data":
        raise web.HTTPUnsupportedMediaType
    try:
        async with asyncio.timeout(remaining(UPLOAD_SECONDS)):
            return await _read(request)
    except TimeoutError:
        raise web.HTTPRequestTimeout from None
    except (HttpProcessingError, AssertionError, LookupError, ValueError, TypeError):
        # surprise: aiohttp's multipart reader asserts what a client sends, and UnicodeDecodeError is a ValueError.
        raise web.HTTPBadRequest from None


async def store_picture(request: web.Request, data: bytes, *, by: str, noted: Noted | None = None) -> Stored:
    """Takes one picture in, with its row; `by` is whoever is held to the quota, as in staff:7; `noted` writes beside the row.

    Raises PictureRefused, or another MediaError when it is the store's fault; shop.media.words.explained says it to a person.
    """
    media, db = request.app[MEDIA], request.app[DB]
    async with db.read() as conn:
        await service.check_quota(conn, media.quota, by)
    picture = await service.keep(media.store, media.decoder, data)
    async with db.transaction() as conn:
        await service.record(conn, media.store, picture, by=by)
        if noted is not None:
            await noted(conn, picture)
    return picture


async def take_picture(request: web.Request, *, by: str, noted: Noted | None = None) -> web.Response:
    """The answer to a script that sent one picture in the field `file`: its address and size, or `error` for a person."""
    try:
        picture = await store_picture(request, request[UPLOADED].files.get(FIELD, b""), by=by, noted=noted)
    except MediaError as problem:
        return _refusal(request, problem)
    about = {"fingerprint": picture.fingerprint, "width": picture.width, "height": picture.height}
    name = rendition(picture.fingerprint, WIDTHS[-1])
    return web.json_response({"location": f"/media/{name}", **about}, headers={"Cache-Control": "no-store"})


def _refusal(request: web.Request, problem: MediaError) -> web.Response:
    status, message = explained(problem)
    if not isinstance(problem, PictureRefused):
        log.error("picture not stored", error=f"{type(problem).__name__}: {problem}")
    headers = {"Cache-Control": "no-store"} | ({"Retry-After": "5"} if status == 503 else {})
    return web.json_response({"error": gettext(language_of(request), message)}, status=status, headers=headers)


async def _read(request: web.Request) -> Uploaded:
    uploaded, total = Uploaded(), 0
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader) or not part.name:
            raise web.HTTPBadRequest
        is_file = part.filename is not None
        if len(uploaded.files) + is_file > FILES or len(uploaded.fields) + (not is_file) > FIELDS:
            raise web.HTTPBadRequest
        data = await _body_of(part, min(LARGEST if is_file else FIELD_BYTES, ALL_BYTES - total))
        total += len(data)
        if is_file:
            uploaded.files.add(part.name, data)
        else:
            uploaded.fields.add(part.name, data.decode())
    return uploaded


async def _body_of(part: BodyPartReader, most: int) -> bytes:
    if "Content-Transfer-Encoding" in part.headers or "Content-Encoding" in part.headers:
        raise web.HTTPBadRequest  # no browser does that
    data = bytearray()
    while chunk := await part.read_chunk(CHUNK):
        data += chunk
        if len(data) > most:
            raise web.HTTPRequestEntityTooLarge(max_size=most, actual_size=len(data))
    return bytes(data)
