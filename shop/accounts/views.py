"""The account page, and what the views of all its parts share."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from shop.accounts.addresses.queries import offered_address
from shop.accounts.models import Account
from shop.accounts.queries import account_by_id
from shop.accounts.security.models import Origin
from shop.accounts.service import choose_language
from shop.catalog.queries import products_by_ids
from shop.db import Connection
from shop.keys import DB, LANG, SETTINGS, URLS
from shop.orders.queries import orders_of
from shop.sealing import KeyRing
from shop.web.access import visitor_of
from shop.web.bodies import posted
from shop.web.devices import device_of
from shop.web.peers import neighbourhood_of
from shop.web.respond import render, see_other_path

RECENT: Final = 5
LAST_ORDERS: Final = 3
# security: a page whose path is a key tells it to nobody, and nobody keeps it
PRIVATE: Final = {"Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}


async def account(request: web.Request) -> web.StreamResponse:
    """What the customer is called, where goods go, and the way to everything else."""
    visitor = await visitor_of(request)
    async with request.app[DB].read() as conn:
        owner = await owner_of(conn, request)
        address = await offered_address(conn, owner.id)
        orders = await orders_of(conn, owner.id, None, LAST_ORDERS)
        recent = await products_by_ids(conn, (visitor.recent or ())[:RECENT], request[LANG])
    around: dict[str, Any] = {"account": owner, "address": address, "orders": orders, "recent": recent}
    return await render(request, "accounts/account.html", **around)


async def language(request: web.Request) -> web.StreamResponse:
    """The language of mails, and of the account page from here on."""
    chosen = (await posted(request)).get("language", "")
    if chosen not in request.app[URLS].languages:
        raise web.HTTPBadRequest
    visitor = await visitor_of(request)
    assert visitor.account_id is not None, "behind the door `signed_in`"
    async with request.app[DB].transaction() as conn:
        await choose_language(conn, visitor.account_id, chosen)
    return see_other_path(request.app[URLS].path("accounts.account", chosen))


async def owner_of(conn: Connection, request: web.Request) -> Account:
    """The account of the visitor, who stands behind a `signed_in` door."""
    visitor = await visitor_of(request)
    owner = await account_by_id(conn, visitor.account_id) if visitor.account_id else None
    if owner is None:
        raise web.HTTPForbidden
    return owner


def origin_of(request: web.Request) -> Origin:
    """From where and with what a request was made, coarse enough to keep."""
    return Origin(network=neighbourhood_of(request), device=device_of(request.headers.get("User-Agent", "")))


def seals_of(request: web.Request) -> KeyRing:
    """The ring that seals the secrets of second factors."""
    return KeyRing(request.app[SETTINGS].secret_keys, "second-factor")
