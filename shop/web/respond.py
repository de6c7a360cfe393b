"""Answers: a rendered page filled for its visitor, a redirect after a form."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import aiohttp_jinja2
from aiohttp import web
from markupsafe import Markup

from shop import i18n
from shop.keys import LANG, REQUEST_ID, SETTINGS, URLS
from shop.web import holes
from shop.web.access import GUEST, Visitor, visitor_of
from shop.web.csrf import bears_token, token_of
from shop.web.flash import COOKIE, flashes_of, forget_flashes
from shop.web.templating import ENVIRONMENTS

# The query parameters that choose a kept page; a page that is not kept has none and keeps its whole query in its links.
PARAMETERS = web.RequestKey("PARAMETERS", tuple[str, ...])

# What templates/partials/{hole}.html says for a visitor; features hand theirs over in app.py.
Filler = Callable[[web.Request, Visitor], Awaitable[Mapping[str, Any]]]
FILLERS = web.AppKey("FILLERS", dict[str, Filler])


async def render(
    request: web.Request, template: str, *, status: int = 200, headers: Mapping[str, str] | None = None, **context: Any
) -> web.Response:
    """The template as a page for this visitor, in the language of the request."""
    visitor = await visitor_of(request)
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
            return web.Response(status=304, headers={"ETag": etag, **_public(request)})
        response = await _filled(request, pieces, visitor, 200)
        response.headers["ETag"] = etag
        return response
    return await _filled(request, pieces, visitor, 200)


def rendered(request: web.Request, template: str, context: Mapping[str, Any]) -> str:
    """The template with its holes open."""
    lang = language_of(request)
    around = {
        "hole": holes.hole,
        "csrf_field": lambda: holes.hole("csrf"),
        "alternates": _alternates(request),
        "offered": offered(request),
        **context,
    }
    return aiohttp_jinja2.render_string(template, request, around, app_key=ENVIRONMENTS[lang])


def render_error(request: web.Request, status: int, **context: Any) -> web.Response:
    """An error page; it asks nobody anything, for what it reports may be that nobody answers."""
    pieces = holes.cut(
        rendered(
            request, f"errors/{status}.html", {"status": status, "request_id": request.get(REQUEST_ID, ""), **context}
        )
    )
    told = {"visitor": GUEST, "flashes": [], "recent": [], "basket_count": None}
    values = {"csrf": b"", **{name: _partial(request, name, told, b"") for name in holes.names(pieces) - {"csrf"}}}
    body = holes.fill(pieces, values)
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


def language_of(request: web.Request) -> str:
    """The language of the page; before a route matched, the one its path begins with."""
    return request[LANG] if LANG in request else request.app[URLS].bare(request.path)[0]


def offered(request: web.Request) -> str | None:
    """Another language of ours that the visitor's browser prefers: the page offers it as a link and never redirects."""
    wanted = i18n.preferred(request.headers.get("Accept-Language", ""), request.app[URLS].languages)
    return wanted if wanted and wanted != language_of(request) else None


async def _filled(request: web.Request, pieces: holes.Pieces, visitor: Visitor, status: int) -> web.Response:
    response = web.Response(
        body=holes.fill(pieces, await _fillings(request, pieces, visitor)),
        status=status,
        content_type="text/html",
        charset="utf-8",
    )
    # Only what is the same for every guest may be kept by others.
    if _is_everybodys(request, visitor) and request.method != "POST" and status == 200:
        response.headers.update(_public(request))
    else:
        response.headers["Cache-Control"] = "no-store"
        forget_flashes(request, response)
    return response


async def _fillings(request: web.Request, pieces: holes.Pieces, visitor: Visitor) -> dict[str, bytes]:
    """What goes into the holes of a page."""
    token = csrf_field(request).encode()
    values = {"csrf": token}
    for name in holes.names(pieces) - values.keys():
        told = await request.app[FILLERS][name](request, visitor)
        values[name] = _partial(request, name, told, token)
    return values


def _partial(request: web.Request, name: str, told: Mapping[str, Any], token: bytes) -> bytes:
    return holes.fill(holes.cut(rendered(request, f"partials/{name}.html", told)), {"csrf": token})


async def visitor_hole(request: web.Request, visitor: Visitor) -> dict[str, Any]:
    """What the header says about the visitor."""
    return {"visitor": visitor}


async def flashes_hole(request: web.Request, visitor: Visitor) -> dict[str, Any]:
    """What the visitor is told once."""
    return {"flashes": flashes_of(request)}


def csrf_field(request: web.Request) -> Markup:
    """The hidden field with the visitor's token; nothing for guests without cookies."""
    token = token_of(request)
    return Markup('<input type="hidden" name="csrf_token" value="{}">').format(token) if token else Markup("")


def _is_everybodys(request: web.Request, visitor: Visitor) -> bool:
    """Whether the page is the same for every guest.

    surprise: an old session cookie is a guest's too, but the forms on the page then carry its token.
    """
    return visitor is GUEST and COOKIE not in request.cookies and not bears_token(request)


def _public(request: web.Request) -> dict[str, str]:
    seconds = 0 if request.app[SETTINGS].development else 1
    return {"Cache-Control": f"public, max-age={seconds}", "Vary": "Accept-Language, Cookie"}


def _alternates(request: web.Request) -> list[dict[str, str]]:
    """The same page in each language: for hreflang and for the language menu."""
    urls = request.app[URLS]
    bare = urls.bare(request.rel_url.raw_path)[1]
    query = _query(request)
    return [
        {
            "lang": code,
            "name": i18n.NAMES[code],
            "path": urls.localized(bare, code) + query,
            "href": urls.base + urls.localized(bare, code),
        }
        for code in urls.languages
    ]


def _query(request: web.Request) -> str:
    """The query that belongs to a page: what chooses it when it is kept, all of it else."""
    url = request.rel_url
    if PARAMETERS in request:
        url = url.with_query({name: url.query[name] for name in request[PARAMETERS] if name in url.query})
    return f"?{url.raw_query_string}" if url.raw_query_string else ""
