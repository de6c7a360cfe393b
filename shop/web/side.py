"""Which side of the counter a request is on: the shop, or the back office, which shares neither cookie nor session with it."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from shop.keys import URLS

BACKOFFICE: Final = "/backoffice"


def is_backoffice(request: web.Request) -> bool:
    """Whether the path lies in the back office, in any language."""
    path = request.app[URLS].bare(request.path)[1]
    return path.startswith(BACKOFFICE) and path[len(BACKOFFICE) :][:1] in {"", "/"}
