"""What search engines read first: robots.txt and the sitemap, in parts that stay small."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from aiohttp import web

from shop.catalog.sitemap.queries import Seen, parts_of_products, products_of_part, visible_categories
from shop.content.queries import page_links
from shop.i18n import text_in
from shop.keys import DB, URLS
from shop.urls import PATHS
from shop.web.templating import environment_of

HOUR = {"Cache-Control": "public, max-age=3600"}
NUMBER = re.compile(r"\d{1,6}", re.ASCII)
# What nobody looks for: private pages, searches, tools. The back office is not named to the world; its pages forbid to be found.
PRIVATE = ("accounts.", "cart.", "checkout.", "history.", "orders.", "payments.", "search.", "health.")

Addresses = list[tuple[str, str]]


async def robots(request: web.Request) -> web.StreamResponse:
    """Where robots may go; private pages are closed by their doors, this only saves them the way."""
    urls = request.app[URLS]
    bare = sorted({path.split("{")[0] for name, path in PATHS.items() if name.startswith(PRIVATE)})
    first = [path for path in bare if not path.startswith(tuple(other for other in bare if other != path))]
    closed = [urls.localized(path, lang) for lang in urls.languages for path in first]
    lines = ["User-agent: *", *(f"Disallow: {path}" for path in closed)]
    text = "\n".join([*lines, "", f"Sitemap: {urls.absolute('catalog.sitemap', urls.languages[0])}", ""])
    return web.Response(text=text, content_type="text/plain", headers=HOUR)


async def index(request: web.Request) -> web.StreamResponse:
    """The parts of the sitemap: one of pages, one for each thousand products."""
    async with request.app[DB].read() as conn:
        count = await parts_of_products(conn)
    urls = request.app[URLS]
    names = ["pages", *(str(number) for number in range(count))]
    parts = [urls.absolute("catalog.sitemap_part", urls.languages[0], part=name) for name in names]
    return _xml(request, "catalog/sitemap_index.xml", parts=parts)


async def part(request: web.Request) -> web.StreamResponse:
    """One part: each address with the same in the other languages."""
    name = request.match_info["part"]
    async with request.app[DB].read() as conn:
        if name == "pages":
            places = _named(request, "catalog.category", await visible_categories(conn))
            pages = [_place(request, "content.page", {}, slug=page.slug) for page in await page_links(conn, "en")]
            places = [_place(request, "catalog.home", {}), *pages, *places]
        elif NUMBER.fullmatch(name):
            places = _named(request, "catalog.product", await products_of_part(conn, int(name)))
        else:
            raise web.HTTPNotFound
    return _xml(request, "catalog/sitemap.xml", places=places)


def _named(request: web.Request, route: str, seen: Iterable[Seen]) -> list[dict[str, Any]]:
    return [_place(request, route, one.slugs, changed=one.updated_at.date().isoformat()) for one in seen]


def _place(
    request: web.Request, route: str, slugs: Mapping[str, str], changed: str = "", **params: str
) -> dict[str, Any]:
    urls = request.app[URLS]
    addresses: Addresses = []
    for lang in urls.languages:
        named: dict[str, Any] = {"slug": text_in(slugs, lang)} if slugs else params
        addresses.append((lang, urls.absolute(route, lang, **named)))
    return {"addresses": addresses, "changed": changed}


def _xml(request: web.Request, template: str, **context: Any) -> web.Response:
    urls = request.app[URLS]
    text = environment_of(request.app, urls.languages[0]).get_template(template).render(**context)
    return web.Response(text=text, content_type="application/xml", headers=HOUR)
