"""Answers: a rendered page filled for its visitor, a redirect after a form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from shop.keys import LANG, REQUEST_ID, ROUTE, SETTINGS, URLS
from shop.web import holes
from shop.web.access import GUEST, Visitor, visitor_of
from shop.web.cookies import cookies_of
from shop.web.csrf import bears_token, token_of
from shop.web.flash import COOKIE, forget_flashes
from shop.web.headers import public
from shop.web.partials import PARTIALS
from shop.web.rendering import offered, rendered
from shop.web.side import is_backoffice
from shop.web.staff import staff_of

ERRORS = web.AppKey("ERRORS", dict[tuple[object, ...], holes.Pieces])


async def render(
    request: web.Request, template: str, *, status: int = 200, headers: Mapping[str, str] | None = None, **context: Any
) -> web.Response:
    """The template as a page for this visitor, in the language of the request."""
    visitor = await visitor_of(request)
    if is_backoffice(request):
        context = {"staff": await staff_of(request), "place": request[ROUTE], **context}
    pieces = holes.cut(rendered(request, template, {"visitor": visitor, **context}))
    response = await _filled(request, pieces, visitor, status)
    if headers:
        response.headers.update(headers)
    return response


async def answer(request: web.Request, pieces: holes.Pieces, *, etag: str, viewed: int | None) -> web.Response:
    """A page that was rendered before, for this visitor; a guest who has it already gets 304."""
    visitor = await visitor_of(request, viewed=viewed)
    if _is_everybodys(request, visitor):
        if etag in request.headers.get("If-None-Match", ""):
            return web.Response(status=304, headers={"ETag": etag, **public(request.app[SETTINGS])})
        response = await _filled(request, pieces, visitor, 200)
        response.headers["ETag"] = etag
        return response
    return await _filled(request, pieces, visitor, 200)


def render_error(request: web.Request, status: int) -> web.Response:
    """An error page; it asks nobody anything, for what it reports may be that nobody answers."""
    pieces = _error_pieces(request, status)
    values = request.app[PARTIALS].nobodys(request, holes.names(pieces) - {"request"})
    body = holes.fill(pieces, {"request": request.get(REQUEST_ID, "").encode(), **values})
    return web.Response(
        body=body, status=status, content_type="text/html", charset="utf-8", headers={"Cache-Control": "no-store"}
    )


def see_other(
    request: web.Request, name: str, query: Mapping[str, object] | None = None, **params: object
) -> web.Response:
    """303 to a named page in the same language.

    surprise: returned, never raised: a redirect raised inside a transaction rolls it back.
    """
    return see_other_path(request.app[URLS].path(name, request[LANG], query, **params))


def see_other_path(path: str) -> web.Response:
    """303 to a path of ours that has been checked already."""
    return web.Response(status=303, headers={"Location": path, "Cache-Control": "no-store"})


def _error_pieces(request: web.Request, status: int) -> holes.Pieces:
    """The page without its request's id; kept where the address is one of ours that holds nothing, for a crowd is turned away there."""
    kept, key = request.app[ERRORS], (status, request.rel_url.raw_path, offered(request))
    pieces = kept.get(key)
    if pieces is None:
        template = "backoffice/error.html" if is_backoffice(request) else f"errors/{status}.html"
        pieces = holes.cut(rendered(request, template, {"status": status}))
        if ROUTE in request and not request.match_info and not request.query_string:
            kept[key] = pieces
    return pieces


async def _filled(request: web.Request, pieces: holes.Pieces, visitor: Visitor, status: int) -> web.Response:
    filled = await request.app[PARTIALS].filled(request, pieces, visitor, token_of(request))
    response = web.Response(body=b"".join(filled), status=status, content_type="text/html", charset="utf-8")
    if request.app[SETTINGS].development:
        response.enable_compression()  # elsewhere nginx does, which keeps one page for all encodings
    # Only what is the same for every guest may be kept by others.
    if _is_everybodys(request, visitor) and request.method != "POST" and status == 200:
        response.headers.update(public(request.app[SETTINGS]))
    else:
        response.headers["Cache-Control"] = "no-store"
        forget_flashes(request, response)
    return response


def _is_everybodys(request: web.Request, visitor: Visitor) -> bool:
    """Whether the page is the same for every guest.

    surprise: an old session cookie is a guest's too, but the forms on the page then carry its token.
    """
    if is_backoffice(request):
        return False
    return visitor is GUEST and COOKIE not in cookies_of(request) and not bears_token(request)
