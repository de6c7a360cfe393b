"""Pages of the shop's own words."""

from aiohttp import web

from shop.content.queries import page_by_slug, page_links
from shop.keys import DB, LANG
from shop.web.pages import Draft, kept


@kept()
async def page(request: web.Request) -> Draft | web.StreamResponse:
    """About, delivery, returns, terms, privacy, contact …"""
    async with request.app[DB].read() as conn:
        found = await page_by_slug(conn, request.match_info["slug"], request[LANG])
        if found is None:
            raise web.HTTPNotFound
        others = await page_links(conn, request[LANG])
    return Draft("content/page.html", {"page": found, "others": others}, tags=frozenset({"content"}))
