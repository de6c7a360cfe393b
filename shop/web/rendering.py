"""Templates with what stands around every page: its languages, its holes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aiohttp_jinja2
from aiohttp import web

from shop import i18n
from shop.keys import LANG, ROUTE, URLS
from shop.web import holes
from shop.web.templating import ENVIRONMENTS

# The query parameters that choose a kept page; a page that is not kept has none and keeps its whole query in its links.
PARAMETERS = web.RequestKey("PARAMETERS", tuple[str, ...])


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


def partial(request: web.Request, lang: str, name: str, told: Mapping[str, Any]) -> holes.Pieces:
    """A piece of a page by itself, its holes open; it knows its language and what it is told, nothing of the request."""
    around = {"hole": holes.hole, "csrf_field": lambda: holes.hole("csrf"), **told}
    return holes.cut(aiohttp_jinja2.render_string(f"partials/{name}.html", request, around, app_key=ENVIRONMENTS[lang]))


def language_of(request: web.Request) -> str:
    """The language of the page; before a route matched, the one its path begins with."""
    return request[LANG] if LANG in request else request.app[URLS].bare(request.path)[0]


def offered(request: web.Request) -> str | None:
    """Another language of ours that the visitor's browser prefers: the page offers it as a link and never redirects."""
    wanted = i18n.preferred(request.headers.get("Accept-Language", ""), request.app[URLS].languages)
    return wanted if wanted and wanted != language_of(request) else None


def _alternates(request: web.Request) -> list[dict[str, str]]:
    """The same page in each language: for hreflang and for the language menu."""
    urls = request.app[URLS]
    query = _query(request)
    paths = {code: _path(request, code) for code in urls.languages}
    return [
        {"lang": code, "name": i18n.NAMES[code], "path": path + query, "href": urls.base + path}
        for code, path in paths.items()
    ]


def _path(request: web.Request, lang: str) -> str:
    """The path of this page in a language.

    security: a kept page is everybody's, so its links are written anew, not as its first visitor spelled the address.
    """
    urls = request.app[URLS]
    if PARAMETERS in request:
        return urls.path(request[ROUTE], lang, None, **request.match_info)
    return urls.localized(urls.bare(request.rel_url.raw_path)[1], lang)


def _query(request: web.Request) -> str:
    """The query that belongs to a page: what chooses it when it is kept, all of it else."""
    url = request.rel_url
    if PARAMETERS in request:
        url = url.with_query({name: url.query[name] for name in request[PARAMETERS] if name in url.query})
    return f"?{url.raw_query_string}" if url.raw_query_string else ""
