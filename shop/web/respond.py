"""Answers: a rendered page, a redirect after a form."""

from collections.abc import Mapping
from typing import Any

import aiohttp_jinja2
from aiohttp import web
from markupsafe import Markup

from shop import i18n
from shop.keys import LANG, SETTINGS, URLS
from shop.web.access import GUEST, Visitor, visitor_of
from shop.web.csrf import token_of
from shop.web.flash import COOKIE, Flash, flashes_of, forget_flashes
from shop.web.templating import ENVIRONMENTS


async def render(
    request: web.Request, template: str, *, status: int = 200, headers: Mapping[str, str] | None = None, **context: Any
) -> web.Response:
    """The template as a page for this visitor, in the language of the request."""
    visitor = await visitor_of(request)
    flashes = flashes_of(request)
    html = _page(request, template, visitor, flashes, context)
    response = web.Response(text=html, status=status, headers=headers, content_type="text/html")
    forget_flashes(request, response)
    if "Cache-Control" not in response.headers:
        response.headers["Cache-Control"] = _caching(request, visitor, status)
    return response


def render_error(request: web.Request, status: int, **context: Any) -> web.Response:
    """An error page; it asks nobody anything, for what it reports may be that nobody answers."""
    html = _page(request, f"errors/{status}.html", GUEST, [], {"status": status, **context})
    return web.Response(text=html, status=status, content_type="text/html", headers={"Cache-Control": "no-store"})


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


def _page(
    request: web.Request, template: str, visitor: Visitor, flashes: list[Flash], context: Mapping[str, Any]
) -> str:
    lang = language_of(request)
    around = {
        "visitor": visitor,
        "flashes": flashes,
        "csrf_token": token_of(request),
        "csrf_field": lambda: _csrf_field(request),
        "request_path": request.rel_url.raw_path_qs,
        "alternates": _alternates(request, lang),
        "offered": _offered(request, lang),
        **context,
    }
    return aiohttp_jinja2.render_string(template, request, around, app_key=ENVIRONMENTS[lang])


def _csrf_field(request: web.Request) -> Markup:
    token = token_of(request)
    return Markup('<input type="hidden" name="csrf_token" value="{}">').format(token) if token else Markup("")


def _alternates(request: web.Request, lang: str) -> list[dict[str, str]]:
    """The same page in each language: for hreflang and for the language menu."""
    urls = request.app[URLS]
    bare = urls.bare(request.rel_url.raw_path)[1]
    query = request.rel_url.raw_query_string
    return [
        {
            "lang": code,
            "name": i18n.NAMES[code],
            "path": urls.localized(bare, code) + (f"?{query}" if query else ""),
            "href": urls.base + urls.localized(bare, code),
        }
        for code in urls.languages
    ]


def _offered(request: web.Request, lang: str) -> str | None:
    """Another language of ours that the visitor's browser prefers: the page offers it as a link and never redirects."""
    wanted = i18n.preferred(request.headers.get("Accept-Language", ""), request.app[URLS].languages)
    return wanted if wanted and wanted != lang else None


def _caching(request: web.Request, visitor: Visitor, status: int) -> str:
    """Only what is the same for every guest may be kept by others."""
    personal = visitor is not GUEST or COOKIE in request.cookies or request.method == "POST" or status != 200
    return "no-store" if personal else f"public, max-age={0 if request.app[SETTINGS].development else 1}"
