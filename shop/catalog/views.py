"""The pages people come for: home, a category, a product."""

from collections.abc import Mapping
from datetime import datetime

from aiohttp import web

from shop.catalog.categories.queries import CategoryMoved, category_by_slug, category_rail
from shop.catalog.listing import forms as listing
from shop.catalog.listing.queries import facets_of, page_of_category
from shop.catalog.models import ALLERGENS
from shop.catalog.queries import Moved, newest_cards, next_offer_turn, product_by_slug, related_cards
from shop.content.queries import home_blocks, next_block_turn
from shop.i18n import NAMES, text_in
from shop.keys import DB, LANG, URLS
from shop.reviews.queries import opinions_on
from shop.web.pages import Draft, kept
from shop.web.respond import render, see_other_path

PAGE_SIZE = 24
BESIDE = 6


@kept()
async def home(request: web.Request) -> Draft | web.StreamResponse:
    """What the shop puts forward now: banners, promotions and a shelf for each category."""
    lang = request[LANG]
    async with request.app[DB].read() as conn:
        categories = await category_rail(conn, lang)
        blocks = await home_blocks(conn, lang)
        ends_at = earliest(await next_block_turn(conn), await next_offer_turn(conn))
    cards = [card for shelf in blocks.shelves for card in shelf.cards]
    return Draft(
        "catalog/home.html",
        {"categories": categories, "blocks": blocks},
        tags=blocks.tags | {"blocks", "categories", "content"} | {f"product:{card.id}" for card in cards},
        ends_at=ends_at,
    )


async def category(request: web.Request) -> web.StreamResponse:
    """The goods of a category and of those below it, ordered and filtered as the address says."""
    if not any(name in request.query for name in listing.PARAMETERS):
        return await _whole_category(request)
    draft = await _category(request)
    if isinstance(draft, Draft):
        return await render(request, draft.template, **draft.context)
    return draft


async def _category(request: web.Request) -> Draft | web.StreamResponse:
    lang = request[LANG]
    wish = listing.wish_of(request.query)
    async with request.app[DB].read() as conn:
        found = await category_by_slug(conn, request.match_info["slug"], lang)
        if isinstance(found, CategoryMoved):
            return moved(request, "catalog.category", found.slug)
        if found is None:
            raise web.HTTPNotFound
        page = await page_of_category(conn, found.subtree, wish, lang, PAGE_SIZE)
        facets = await facets_of(conn, found.subtree, wish, lang)
        categories = await category_rail(conn, lang)
        ends_at = await next_offer_turn(conn)
    return Draft(
        "catalog/category.html",
        {
            "category": found,
            "categories": categories,
            "cards": page.cards,
            "tools": listing.tools_of(wish, facets, page),
            "alternates": alternates(request, "catalog.category", found.slugs, listing.query_of(wish)),
        },
        tags=frozenset({"categories"} | {f"category:{number}" for number in found.subtree}),
        ends_at=ends_at,
    )


# Only the list as it is first shown is kept: there are too many ways to filter it.
_whole_category = kept()(_category)


@kept("sku")
async def product(request: web.Request) -> Draft | web.StreamResponse:
    """One product with its sizes; `?sku=` chooses one."""
    lang = request[LANG]
    async with request.app[DB].read() as conn:
        found = await product_by_slug(conn, request.match_info["slug"], lang)
        if isinstance(found, Moved):
            return moved(request, "catalog.product", found.slug)
        if found is None:
            raise web.HTTPNotFound
        related = await related_cards(conn, found, lang, BESIDE)
        newest = await newest_cards(
            conn, [found.category.id], lang, BESIDE, without=[found.id, *(card.id for card in related)]
        )
        opinions = await opinions_on(conn, found.id)
        ends_at = await next_offer_turn(conn)
    return Draft(
        "catalog/product.html",
        {
            "opinions": opinions,
            "product": found,
            "sku": found.sku(request.query.get("sku")),
            "allergen_names": ALLERGENS,
            "related": related,
            "newest": newest,
            "alternates": alternates(request, "catalog.product", found.slugs),
        },
        tags=frozenset({f"product:{found.id}", f"category:{found.category.id}", "categories"}),
        ends_at=ends_at,
        viewed=found.id,
    )


def moved(request: web.Request, name: str, slug: str) -> web.Response:
    """308 to the address a thing has now, with the query it was asked with."""
    query = request.rel_url.raw_query_string
    response = see_other_path(request.app[URLS].path(name, request[LANG], slug=slug) + (f"?{query}" if query else ""))
    response.set_status(308)
    return response


def alternates(
    request: web.Request, name: str, slugs: Mapping[str, str], query: Mapping[str, str] | None = None
) -> list[dict[str, str]]:
    """The same page in each language, under its own slug there; the menu keeps the query, search engines do not."""
    urls = request.app[URLS]
    return [
        {
            "lang": code,
            "name": NAMES[code],
            "path": urls.path(name, code, query, slug=text_in(slugs, code)),
            "href": urls.absolute(name, code, slug=text_in(slugs, code)),
        }
        for code in urls.languages
    ]


def earliest(*moments: datetime | None) -> datetime | None:
    """The first of these moments; None when there is none."""
    return min((moment for moment in moments if moment is not None), default=None)
