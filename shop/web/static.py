"""The static files, served by the shop itself where no web server stands in front."""

import asyncio
import mimetypes

from aiohttp import web

from shop.keys import ASSETS, SETTINGS
from shop.web.access import anyone
from shop.web.routing import endpoint

FOR_EVER = "public, max-age=31536000, immutable"


async def file(request: web.Request) -> web.Response:
    """A file of this version; in development browsers ask again each time, for it may have been edited."""
    assets, path = request.app[ASSETS], request.match_info["path"]
    if request.match_info["version"] != assets.version:
        raise web.HTTPNotFound
    try:
        body = await asyncio.to_thread(assets.read, path)
    except (FileNotFoundError, ValueError):  # surprise: a NUL in a path is a ValueError
        raise web.HTTPNotFound from None
    kind = mimetypes.guess_type(path)[0] or "application/octet-stream"
    response = web.Response(body=body, content_type=kind, charset="utf-8" if kind.startswith("text/") else None)
    response.headers["Cache-Control"] = "no-cache" if request.app[SETTINGS].development else FOR_EVER
    response.enable_compression()
    return response


ROUTES = [endpoint("static.file", file, anyone)]
