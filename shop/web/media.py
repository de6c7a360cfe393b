"""Pictures by fingerprint. In production nginx serves a folder itself and keeps what comes from here."""

from __future__ import annotations

from typing import Final

import structlog
from aiohttp import web

from shop.keys import MEDIA
from shop.media.errors import MediaAway, MediaMissing
from shop.media.names import fingerprint_of, is_name, original
from shop.media.service import within
from shop.media.store import MediaStore
from shop.web.access import anyone
from shop.web.routing import endpoint

FOR_EVER: Final = "public, max-age=31536000, immutable"
# A rendition that is still being made: the original stands in for it, and nobody keeps it long.
FOR_NOW: Final = "public, max-age=5"
# security: whatever a file turned out to be, it may do nothing.
HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Content-Type": "image/webp",
    "Cross-Origin-Resource-Policy": "same-origin",
}
PLACEHOLDER: Final = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 4 3" width="640" height="480"><path fill="#e4e9e0" d="M0 0h4v3H0z"/>'
    b'<path fill="#b9c7b0" d="M1 2.2c0-1.100.7-1.500 2-1.500 0 1.200-.6 1.800-1.600 1.800z"/></svg>'
)

log = structlog.get_logger("shop.media")


async def file(request: web.Request) -> web.StreamResponse:
    """One file of a picture; its name changes with its pixels, so browsers may keep it for ever."""
    name = request.match_info["name"]
    if not is_name(name):
        raise web.HTTPNotFound
    if request.headers.get("If-None-Match") == f'"{name}"':
        return web.Response(status=304, headers={"ETag": f'"{name}"', "Cache-Control": FOR_EVER})
    try:
        data, is_itself = await _found(request.app[MEDIA].store, name)
    except MediaMissing:
        raise web.HTTPNotFound from None
    except MediaAway as problem:
        log.warning("picture not served", error=str(problem))
        return _placeholder()
    headers = {"Cache-Control": FOR_EVER, "ETag": f'"{name}"'} if is_itself else {"Cache-Control": FOR_NOW}
    return web.Response(body=data, headers=HEADERS | headers)


async def _found(store: MediaStore, name: str) -> tuple[bytes, bool]:
    try:
        return await within(store.get(name)), True
    except MediaMissing:
        whole = original(fingerprint_of(name))
        if whole == name:
            raise
        return await within(store.get(whole)), False


def _placeholder() -> web.Response:
    """surprise: browsers show the picture of a 503, and ask again the next time."""
    headers = HEADERS | {"Content-Type": "image/svg+xml", "Cache-Control": "no-store", "Retry-After": "5"}
    return web.Response(status=503, body=PLACEHOLDER, headers=headers)


ROUTES = [endpoint("media.file", file, anyone)]
