"""What arrived in the body of a request, read once and never our error."""

from __future__ import annotations

from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from multidict import MultiDict


@dataclass(frozen=True, slots=True)
class Uploaded:
    """A form with files: its text fields, and what was in each file. Names of files are nobody's business."""

    fields: MultiDict[str] = field(default_factory=MultiDict)
    files: MultiDict[bytes] = field(default_factory=MultiDict)


UPLOADED = web.RequestKey("UPLOADED", Uploaded)
# The paths of routes that take files; their bodies are read behind the door.
TAKING_FILES = web.AppKey("TAKING_FILES", set[str])


def takes_files(request: web.Request) -> bool:
    """Whether the route reads a form with files itself, so that nobody before it may."""
    resource = request.match_info.route.resource
    return request.method == "POST" and resource is not None and resource.canonical in request.app.get(TAKING_FILES, ())


async def posted(request: web.Request) -> MultiDict[str]:
    """The text fields of a posted form; raises 400 where a body is not what it claims to be."""
    if UPLOADED in request:
        return request[UPLOADED].fields
    try:
        sent = await request.post()
    except (HttpProcessingError, AssertionError, LookupError, ValueError):
        # surprise: aiohttp's multipart reader asserts what a client sends, and UnicodeDecodeError is a ValueError.
        raise web.HTTPBadRequest from None
    return MultiDict((name, value) for name, value in sent.items() if isinstance(value, str))
