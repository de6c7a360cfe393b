"""Searching: a page of results, and suggestions while one types."""

import re

from aiohttp import web

from shop.catalog.categories.queries import category_rail
from shop.catalog.queries import Card, products_by_ids
from shop.db import DbError
from shop.keys import DB, LANG, SETTINGS, URLS
from shop.money import format_money
from shop.search.queries import search
from shop.search.queries import suggestions as suggested
from shop.search.service import record_miss
from shop.web.respond import render
from shop.words import LONGEST, parts

PAGE_SIZE = 24
MOST_SUGGESTIONS = 8
PAGE = re.compile(r"[1-9]\d{0,3}", re.ASCII)


async def results(request: web.Request) -> web.StreamResponse:
    """The goods that were meant, page by page; an empty search shows the stalls."""
    typed, lang = _typed(request), request[LANG]
    async with request.app[DB].read(stale_ok=True) as conn:
        found = await search(conn, typed)
        last = max(1, -(-len(found.product_ids) // PAGE_SIZE))
        number = min(_page(request), last)
        cards = await products_by_ids(conn, found.product_ids[(number - 1) * PAGE_SIZE : number * PAGE_SIZE], lang)
        categories = await category_rail(conn, lang)
    if parts(typed) and (found.is_partial or not cards):
        await _learn(request, typed)
    return await render(
        request,
        "search/results.html",
        query=typed,
        found=found,
        cards=cards,
        categories=categories,
        previous_page={"q": typed, "page": number - 1} if number > 1 else None,
        next_page={"q": typed, "page": number + 1} if number < last else None,
    )


async def suggestions(request: web.Request) -> web.StreamResponse:
    """Up to eight goods as JSON, for the list below the search field."""
    async with request.app[DB].read(stale_ok=True) as conn:
        cards = await suggested(conn, _typed(request), request[LANG], MOST_SUGGESTIONS)
    found = [_suggestion(request, card) for card in cards]
    return web.json_response({"suggestions": found}, headers={"Cache-Control": "public, max-age=60"})


def _suggestion(request: web.Request, card: Card) -> dict[str, str]:
    urls, lang = request.app[URLS], request[LANG]
    picture = urls.path("media.file", urls.languages[0], name=card.picture.sources[0][0]) if card.picture else ""
    return {
        "name": card.name,
        "unit": card.unit,
        "price": format_money(card.price_now, request.app[SETTINGS].currency, lang),
        "path": urls.path("catalog.product", lang, slug=card.slug),
        "picture": picture,
    }


async def _learn(request: web.Request, typed: str) -> None:
    """Notes what was sought in vain; when that fails, the visitor's page matters more."""
    try:
        async with request.app[DB].transaction() as conn:
            await record_miss(conn, typed, request[LANG])
    except DbError:
        return


def _typed(request: web.Request) -> str:
    """What stands in the search field, in a form that can be shown again."""
    text = "".join(c if c.isprintable() else " " for c in request.query.get("q", "")[: 4 * LONGEST])
    return " ".join(text.split())[:LONGEST]


def _page(request: web.Request) -> int:
    asked = request.query.get("page", "1")
    return int(asked) if PAGE.fullmatch(asked) else 1 if not asked.isdecimal() else 10**4
