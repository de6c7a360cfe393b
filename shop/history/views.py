"""The member's own list: look at it, clear it, bring along what a guest looked at."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Sequence
from typing import Final, Protocol

from aiohttp import web

from shop.cache.account_keys import HISTORY_LENGTH
from shop.cache.client import RedisAway
from shop.catalog.queries import Card, next_offer_turn, products_by_ids
from shop.db import Connection, DbError
from shop.history import service
from shop.i18n import gettext
from shop.keys import DB, LANG, REDIS, ROUTE
from shop.web.access import Visitor, visitor_of
from shop.web.flash import flash
from shop.web.pages import Draft, kept_parts, kept_parts_at_once
from shop.web.partials import Filling
from shop.web.respond import render, see_other

SHOWN: Final = 8


class SignIn(Protocol):
    """Who has just signed in, and the products their browser says they looked at as a guest: unchecked, newest first."""

    @property
    def tag(self) -> str:
        """The account's tag."""

    @property
    def viewed(self) -> tuple[int, ...]:
        """Product ids as the browser sent them."""


async def history(request: web.Request) -> web.StreamResponse:
    """The last twenty products this member looked at."""
    visitor = await visitor_of(request)
    cards = await _cards(request, visitor.recent or ())
    return await render(request, "history/history.html", cards=cards, is_known=visitor.recent is not None)


def recent_hole(request: web.Request, visitor: Visitor) -> Filling | Awaitable[Filling]:
    """What partials/recent.html shows: a member's list, which came with the session; a guest's stands in the guest's browser."""
    ids = visitor.recent or ()
    # On a product's page the newest is the page itself, noted a moment ago.
    shown = ids[1 : SHOWN + 1] if request.get(ROUTE) == "catalog.product" else ids[:SHOWN]
    cards = kept_parts_at_once(request, "card", shown)
    return _recent(visitor, cards) if cards is not None else _loaded(request, visitor, shown)


async def _loaded(request: web.Request, visitor: Visitor, ids: Sequence[int]) -> Filling:
    cards = b""
    with contextlib.suppress(DbError):  # the page itself is at hand; this part of it may be missing
        cards = await kept_parts(request, "card", ids, _drafts)
    return _recent(visitor, cards)


def _recent(visitor: Visitor, cards: bytes) -> Filling:
    return Filling({"is_signed_in": visitor.is_signed_in, "has_cards": cards != b""}, {"cards": cards})


async def clear(request: web.Request) -> web.StreamResponse:
    """Forgets the list."""
    visitor = await visitor_of(request)
    response = see_other(request, "history.history")
    try:
        await service.clear(request.app[REDIS], visitor.tag)
    except RedisAway:
        flash(
            request, response, gettext(request[LANG], "This does not work right now. Try again in a minute."), "error"
        )
        return response
    flash(request, response, gettext(request[LANG], "Your list is empty now."))
    return response


async def take_over(conn: Connection, request: web.Request, sign_in: SignIn) -> None:
    """At sign-in: what the guest looked at becomes the member's, once the session is committed; unknown ids are dropped."""
    if not sign_in.viewed:
        return
    known = [card.id for card in await products_by_ids(conn, sign_in.viewed[:HISTORY_LENGTH], request[LANG])]

    async def remember() -> None:
        with contextlib.suppress(RedisAway):  # a list that may be lost
            await service.remember(request.app[REDIS], sign_in.tag, known)

    conn.on_commit(remember)


async def _cards(request: web.Request, ids: Sequence[int]) -> list[Card]:
    if not ids:
        return []
    async with request.app[DB].read() as conn:
        return await products_by_ids(conn, ids, request[LANG])


async def _drafts(conn: Connection, ids: Sequence[int], lang: str) -> dict[int, Draft]:
    """What partials/card.html says about each of these products: nothing when it is not sold any more."""
    ends_at = await next_offer_turn(conn)
    cards = {card.id: card for card in await products_by_ids(conn, ids, lang)}
    return {
        number: Draft(
            "partials/card.html", {"good": cards.get(number)}, frozenset({"categories", f"product:{number}"}), ends_at
        )
        for number in ids
    }
