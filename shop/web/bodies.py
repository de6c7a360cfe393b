"""What arrived in the body of a request, read once and never our error."""

from __future__ import annotations

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from multidict import MultiDict


async def posted(request: web.Request) -> MultiDict[str]:
    """The text fields of a posted form; raises 400 where a body is not what it claims to be."""
    try:
        sent = await request.post()
    except (HttpProcessingError, AssertionError, LookupError, ValueError):
        # surprise: aiohttp's multipart reader asserts what a client sends, and UnicodeDecodeError is a ValueError.
        raise web.HTTPBadRequest from None
    return MultiDict((name, value) for name, value in sent.items() if isinstance(value, str))
