"""Pictures served by Python, for development only: in production nginx takes them from the folder."""

from aiohttp import web

from shop.keys import SETTINGS
from shop.media.store import MediaMissing, open_store
from shop.web.access import anyone
from shop.web.routing import endpoint

FOR_EVER = "public, max-age=31536000, immutable"


async def file(request: web.Request) -> web.StreamResponse:
    """One file of a picture; its name changes with its pixels, so browsers may keep it for ever."""
    store = open_store(request.app[SETTINGS].media_url)
    try:
        path = store.path(request.match_info["name"])
    except MediaMissing:
        raise web.HTTPNotFound from None
    return web.FileResponse(path, headers={"Content-Type": "image/webp", "Cache-Control": FOR_EVER})


ROUTES = [endpoint("media.file", file, anyone)]
