"""An order's page, its list, its receipt, and what its buyer can still do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from aiohttp import web

from shop.accounts.models import identity_key
from shop.accounts.queries import account_by_id
from shop.accounts.sessions.queries import live_session
from shop.cart.count import keep_count
from shop.cart.queries import Owner
from shop.cart.service import add_again
from shop.db import Connection
from shop.i18n import N_, gettext, ngettext, text_in
from shop.keys import DB, LANG, LIMITS, REDIS, TOKENS, URLS
from shop.limits import Limit
from shop.orders import service
from shop.orders.forms import LookupForm, ReturnForm
from shop.orders.links import opens, order_key
from shop.orders.live import NoMorePages, TooManyPages
from shop.orders.models import Actor, NotAllowed, Order
from shop.orders.queries import names_of, order_by_number, order_page, orders_of, quantities_of
from shop.web.access import visitor_of
from shop.web.cookies import basket_hash_of
from shop.web.flash import Kind, flash
from shop.web.peers import address_of, prefix_of
from shop.web.respond import render, see_other
from shop.web.sessions import SESSIONS
from shop.web.streams import LIVE, no_room, stream

# What the page of an order that waits for its money offers, and the headers it needs for that; app.py hands it over.
PaymentPart = Callable[[web.Request, Order], Awaitable[tuple[Mapping[str, Any], Mapping[str, str]]]]
PAYMENT_PART: web.AppKey[PaymentPart] = web.AppKey("PAYMENT_PART")

PAGE: Final = 20
WRONG: Final = 422
# security: a page whose address may hold a key tells it to nobody, and nobody keeps it
PRIVATE: Final = {"Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}
LOOKUPS: Final = (Limit("lookup.network", 10, 3600), Limit("lookup.number", 5, 3600))
PAYMENT_WORDS: Final = {
    "due": N_("not paid yet"),
    "paid": N_("paid"),
    "partly_refunded": N_("partly refunded"),
    "refunded": N_("refunded"),
}
FULFILMENT_WORDS: Final = {
    "placed": N_("ordered"),
    "packed": N_("packed"),
    "shipped": N_("on its way"),
    "delivered": N_("delivered"),
    "finished": N_("finished"),
    "cancelled": N_("cancelled"),
    "returned": N_("returned"),
}
STORY_WORDS: Final = {
    ("fulfilment", "placed"): N_("We have your order."),
    ("fulfilment", "packed"): N_("Your goods are packed."),
    ("fulfilment", "shipped"): N_("Your goods are on their way."),
    ("fulfilment", "delivered"): N_("Your goods have arrived."),
    ("fulfilment", "finished"): N_("The order is finished."),
    ("fulfilment", "cancelled"): N_("The order was cancelled."),
    ("fulfilment", "returned"): N_("The goods came back to us."),
    ("payment", "paid"): N_("It is paid."),
    ("payment", "partly_refunded"): N_("Part of the money went back to you."),
    ("payment", "refunded"): N_("The money went back to you."),
    ("note", "return_asked"): N_("You asked to give the goods back."),
    ("note", "return_accepted"): N_("We take the goods back. The money follows as soon as they are here."),
    ("note", "return_refused"): N_("We could not accept the return."),
}
WORDS: Final[Mapping[str, Any]] = {
    "payment_words": PAYMENT_WORDS,
    "fulfilment_words": FULFILMENT_WORDS,
    "story_words": STORY_WORDS,
}


async def orders(request: web.Request) -> web.StreamResponse:
    """A member's orders, newest first."""
    visitor = await visitor_of(request)
    assert visitor.account_id is not None, "behind the door `signed_in`"
    before = request.query.get("before", "")
    async with request.app[DB].read() as conn:
        last = int(before) if before.isdecimal() and len(before) < 18 else None
        found = await orders_of(conn, visitor.account_id, last, PAGE + 1)
    more = found[PAGE - 1].id if len(found) > PAGE else None
    return await render(request, "orders/orders.html", orders=found[:PAGE], more=more, headers=PRIVATE, **WORDS)


async def order(request: web.Request) -> web.StreamResponse:
    """The story of one order, and what can be done about it."""
    return await _show(request, await own(request), ReturnForm.blank(request))


async def receipt(request: web.Request) -> web.StreamResponse:
    """The receipt, to be printed: every line, and the tax contained in it by rate."""
    found = await own(request)
    async with request.app[DB].read() as conn:
        page = await order_page(conn, found)
    return await render(
        request, "orders/receipt.html", page=page, order=found, headers=PRIVATE, **_keyed(request), **WORDS
    )


async def cancel(request: web.Request) -> web.StreamResponse:
    """Cancels, as long as nothing is packed."""
    found = await own(request)
    visitor = await visitor_of(request)
    try:
        async with request.app[DB].transaction() as conn:
            await service.cancel(conn, found.id, actor=Actor.CUSTOMER, account_id=visitor.account_id)
    except NotAllowed:
        return _back(request, found, N_("It is too late to cancel: the order is packed or closed."), "error")
    return _back(request, found, N_("The order is cancelled. Nothing will be charged for it."))


async def ask_return(request: web.Request) -> web.StreamResponse:
    """Asks to give the goods back."""
    found = await own(request)
    visitor = await visitor_of(request)
    form = await ReturnForm.read(request)
    if not form.validate():
        return await _show(request, found, form, status=WRONG)
    try:
        async with request.app[DB].transaction() as conn:
            await service.ask_return(conn, found.id, form.reason.data or "", account_id=visitor.account_id)
    except NotAllowed:
        return _back(request, found, N_("This order cannot be given back (any more)."), "error")
    return _back(request, found, N_("We have your request and will answer soon."))


async def order_again(request: web.Request) -> web.StreamResponse:
    """Puts everything of an order into the basket, as far as it can be had."""
    found = await own(request)
    visitor = await visitor_of(request)
    owner = Owner(account_id=visitor.account_id) if visitor.account_id else Owner(cookie_hash=basket_hash_of(request))
    if owner == Owner():
        return _back(request, found, N_("Put something into your basket first, or sign in."), "info")
    async with request.app[DB].transaction() as conn:
        missing = await add_again(conn, owner, await quantities_of(conn, found.id))
        names = await names_of(conn, missing)
        await keep_count(conn, request.app[REDIS], owner, visitor.tag)
    response, lang = see_other(request, "cart.cart"), request[LANG]
    if missing:
        goods = gettext(lang, ", ").join(text_in(name, lang) for name in names)
        flash(
            request, response, gettext(lang, "Not everything can be had at the moment: %(goods)s.", goods=goods), "info"
        )
    return response


async def look_up(request: web.Request) -> web.StreamResponse:
    """Finds a guest's order by number and e-mail; the tries are limited, and a miss says nothing about what was wrong.

    security: a member's order is a miss: two facts of a mail must not do what takes a password.
    """
    if request.method != "POST":
        return await render(request, "orders/lookup.html", form=LookupForm.blank(request))
    form = await LookupForm.read(request)
    if not form.validate():
        return await render(request, "orders/lookup.html", form=form, status=WRONG)
    number = (form.number.data or "").upper()
    network = prefix_of(address_of(request))
    attempt = await request.app[LIMITS].take((LOOKUPS[0], network), (LOOKUPS[1], number))
    if not attempt.is_allowed:
        one, many = (
            "Too many attempts. Try again in %(num)s minute.",
            "Too many attempts. Try again in %(num)s minutes.",
        )
        form.form_errors.append(ngettext(request[LANG], one, many, -(-attempt.wait // 60)))
        waits = {"Retry-After": str(attempt.wait)}
        return await render(request, "orders/lookup.html", form=form, status=429, headers=waits)
    async with request.app[DB].read() as conn:
        found = await order_by_number(conn, number)
    if found is None or found.account_id is not None or found.email_key != identity_key(form.email.data or ""):
        form.wrong(None, N_("No order has this number and this e-mail address."))
        return await render(request, "orders/lookup.html", form=form, status=WRONG)
    await request.app[LIMITS].give_back(attempt)
    return see_other(
        request, "orders.order", {"key": order_key(request.app[TOKENS], found.number)}, number=found.number
    )


async def events(request: web.Request) -> web.StreamResponse:
    """News of an order as they happen, until the visitor leaves, the session ends or the shop goes."""
    found = await by_link(request)
    visitor = await visitor_of(request)
    is_members = visitor.is_signed_in and visitor.account_id == found.account_id
    who = f"a{visitor.account_id}" if is_members else f"o{found.id}"
    try:
        with request.app[LIVE].waiting(found.id, who, visitor.session_id_hash) as news:
            return await stream(request, news, lambda: _is_still_own(request, found), PRIVATE)
    except TooManyPages:
        return no_room(request, 429)
    except NoMorePages:
        return no_room(request, 503)


async def adopt(conn: Connection, request: web.Request, sign_in: Any) -> None:
    """At sign-in, and when an address is confirmed: orders made as a guest with the account's own e-mail address join it."""
    account = await account_by_id(conn, sign_in.account_id)
    if account is not None and account.is_active:
        await service.adopt_orders(conn, account.id, account.email_key)


async def _show(request: web.Request, found: Order, form: ReturnForm, status: int = 200) -> web.StreamResponse:
    async with request.app[DB].read() as conn:
        page = await order_page(conn, found)
    offer, policy = await request.app[PAYMENT_PART](request, found) if page.awaits_payment else ({}, {})
    told: dict[str, Any] = {"page": page, "order": found, "form": form, **offer, **_keyed(request), **WORDS}
    return await render(request, "orders/order.html", status=status, headers={**PRIVATE, **policy}, **told)


async def own(request: web.Request) -> Order:
    """The order of the address, if the visitor may see it: its member, or a guest's for whoever holds its link; raises 404.

    security: another's order and one that never was look the same; the link of one that has joined an account since
    leads to sign-in (raises 303).
    """
    found = await by_link(request)
    visitor = await visitor_of(request)
    if found.account_id is None or found.account_id == visitor.account_id:
        return found
    if visitor.is_signed_in:
        raise web.HTTPNotFound
    urls, lang = request.app[URLS], request[LANG]
    query = {"next": urls.path("orders.order", lang, number=found.number)}
    raise web.HTTPSeeOther(urls.path("accounts.login", lang, query), headers=PRIVATE)


async def by_link(request: web.Request) -> Order:
    """The same, but a link opens what has joined an account, too: for pages that tell of a payment and nothing else; raises 404."""
    async with request.app[DB].read() as conn:
        found = await order_by_number(conn, request.match_info["number"])
    if found is None:
        raise web.HTTPNotFound
    visitor = await request.app[SESSIONS].visitor(request, certain=True)
    if visitor.account_id is not None and found.account_id == visitor.account_id:
        return found
    if _holds_key(request, found.number):
        return found
    raise web.HTTPNotFound


def _holds_key(request: web.Request, number: str) -> bool:
    return opens(request.app[TOKENS], request.query.get("key", ""), number)


async def _is_still_own(request: web.Request, found: Order) -> bool:
    """Whether the session (or the key) that opened the stream still opens the order."""
    visitor = await visitor_of(request)
    if visitor.session_id_hash is None or visitor.account_id != found.account_id:
        return _holds_key(request, found.number)
    async with request.app[DB].read() as conn:
        return await live_session(conn, visitor.session_id_hash) is not None


def _keyed(request: web.Request) -> Mapping[str, Any]:
    """The key of the address, for the links and forms of the page."""
    key = request.query.get("key")
    return {"keyed": {"key": key} if key else None}


def _back(request: web.Request, found: Order, message: str, kind: Kind = "success") -> web.StreamResponse:
    response = see_other(request, "orders.order", _keyed(request)["keyed"], number=found.number)
    flash(request, response, gettext(request[LANG], message), kind)
    return response
