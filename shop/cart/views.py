"""The basket: look at it, fill it, change it; with script the same forms answer without leaving the page."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from aiohttp import web

from shop.accounts.addresses.queries import offered_address
from shop.cart import service
from shop.cart.count import keep_count, known_count
from shop.cart.forms import AddForm, CouponForm, PlaceForm, QuantityForm, whole_number
from shop.cart.models import GUEST_DAYS, BasketFull, NotEnough, NotSold
from shop.cart.pause import pause_of
from shop.cart.queries import Basket, Owner, basket_of
from shop.cart.quotes import quote_of
from shop.coupons.models import CouponRefused
from shop.coupons.queries import coupon_by_code
from shop.db import Connection, DbError
from shop.delivery.queries import Place, zone_for
from shop.i18n import N_, gettext
from shop.keys import DB, LANG, LIMITS, REDIS, SETTINGS
from shop.limits import Limit
from shop.web.access import Visitor, visitor_of
from shop.web.cookies import BASKET, basket_hash_of, give_cookie
from shop.web.flash import Kind, flash
from shop.web.forms import Form
from shop.web.next_page import own_page
from shop.web.partials import Filling
from shop.web.peers import address_of, prefix_of
from shop.web.respond import render, see_other, see_other_path

COOKIE_BYTES: Final = 32
CODES_PER_HOUR: Final = Limit("coupon.network", 10, 3600)
REFUSED: Final[Mapping[CouponRefused, str]] = {
    CouponRefused.UNKNOWN: N_("There is no such coupon."),
    CouponRefused.NOT_YET: N_("This coupon cannot be used yet."),
    CouponRefused.OVER: N_("This coupon has expired."),
    CouponRefused.USED_UP: N_("This coupon has been used up."),
    CouponRefused.USED_BY_YOU: N_("You have used this coupon already."),
    CouponRefused.BELOW_MINIMUM: N_("Your basket is not large enough for this coupon."),
}

Change = Callable[[Connection, Owner], Awaitable[Any]]


class SignIn(Protocol):
    """Who has just signed in."""

    @property
    def account_id(self) -> int:
        """The account."""

    @property
    def tag(self) -> str:
        """The account's tag."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose basket this request is about; `new_cookie` is what a guest's browser has to be given to find it again."""

    owner: Owner
    tag: str
    new_cookie: str = ""


async def cart(request: web.Request) -> web.StreamResponse:
    """What is in the basket, what has changed since, and what it comes to."""
    visitor = await visitor_of(request)
    async with request.app[DB].read() as conn:
        basket = await basket_of(conn, owner_of(request, visitor))
        place = await _place(conn, visitor, basket)
        zone = await zone_for(conn, place) if place.is_known else None
        rates = request.app[SETTINGS].tax_rates
        quote = await quote_of(conn, basket, zone, rates, account_id=visitor.account_id)
        pause = await pause_of(conn)
    place_data = {"city": place.city, "district": place.district, "postcode": place.postcode}
    return await render(
        request,
        "cart/cart.html",
        headers={"Cache-Control": "no-store"},
        quote=quote,
        place=place,
        pause=pause,
        coupon_refused=REFUSED.get(quote.coupon_refused) if quote.coupon_refused else None,
        coupon_form=CouponForm.blank(request),
        place_form=PlaceForm.blank(request, data=place_data),
    )


async def add(request: web.Request) -> web.StreamResponse:
    """Puts goods into the basket."""
    form = await AddForm.read(request)
    if not form.validate():
        return await _told(request, _first_error(form), "error")
    sku_id, quantity = form.wanted
    if sku_id is None:
        raise web.HTTPBadRequest
    added, add_id = gettext(request[LANG], "It is in your basket now."), form.add
    return await _changed(
        request, lambda conn, owner: service.add(conn, owner, sku_id, quantity, add_id), added, begins=True
    )


async def change(request: web.Request) -> web.StreamResponse:
    """Sets how many of a line are wanted; 0 takes it out."""
    form = await QuantityForm.read(request)
    if not form.validate():
        return await _told(request, _first_error(form), "error")
    sku_id, quantity = _sku(request), whole_number(form.quantity.data) or 0
    return await _changed(request, lambda conn, owner: service.set_quantity(conn, owner, sku_id, quantity))


async def remove(request: web.Request) -> web.StreamResponse:
    """Takes a line out."""
    sku_id = _sku(request)
    return await _changed(request, lambda conn, owner: service.remove(conn, owner, sku_id))


async def save_for_later(request: web.Request) -> web.StreamResponse:
    """Moves a line to the list for later."""
    sku_id = _sku(request)
    return await _changed(request, lambda conn, owner: service.save_for_later(conn, owner, sku_id))


async def put_back(request: web.Request) -> web.StreamResponse:
    """Moves a line from the list for later into the basket."""
    sku_id = _sku(request)
    return await _changed(request, lambda conn, owner: service.put_back(conn, owner, sku_id))


async def use_coupon(request: web.Request) -> web.StreamResponse:
    """Keeps a coupon's code; codes that do not exist are counted, so that nobody guesses."""
    form = await CouponForm.read(request)
    if not form.validate():
        return await _told(request, _first_error(form), "error")
    attempt = await request.app[LIMITS].take((CODES_PER_HOUR, prefix_of(address_of(request))))
    if not attempt.is_allowed:
        return await _told(request, gettext(request[LANG], "Too many codes in a row. Try again later."), "error")
    code = form.code.data or ""
    async with request.app[DB].read() as conn:
        coupon = await coupon_by_code(conn, code)
    if coupon is None:
        return await _told(request, gettext(request[LANG], REFUSED[CouponRefused.UNKNOWN]), "error")
    await request.app[LIMITS].give_back(attempt)
    return await _changed(request, lambda conn, owner: service.note_coupon(conn, owner, code))


async def drop_coupon(request: web.Request) -> web.StreamResponse:
    """Forgets the coupon."""
    return await _changed(request, lambda conn, owner: service.note_coupon(conn, owner, None))


async def choose_place(request: web.Request) -> web.StreamResponse:
    """Keeps where the goods shall go, to tell whether and for how much."""
    form = await PlaceForm.read(request)
    if not form.validate():
        return await _told(request, _first_error(form), "error")
    place = Place(form.country, form.city.data or "", form.district.data or "", form.postcode.data or "")
    return await _changed(request, lambda conn, owner: service.note_place(conn, owner, place))


def basket_hole(request: web.Request, visitor: Visitor) -> Filling | Awaitable[Filling]:
    """What partials/basket.html shows: how many pieces are in the basket, None when nobody can tell just now."""
    if visitor.basket_count is not None:
        return Filling({"basket_count": visitor.basket_count})
    owner = owner_of(request, visitor)
    if owner == Owner():
        return Filling({"basket_count": 0})
    return _counted(request, owner, visitor)


async def _counted(request: web.Request, owner: Owner, visitor: Visitor) -> Filling:
    try:
        count = await known_count(request.app[DB], request.app[REDIS], owner, visitor.tag)
    except DbError:
        count = None
    return Filling({"basket_count": count})


async def merge(conn: Connection, request: web.Request, sign_in: SignIn) -> None:
    """At sign-in, inside its transaction: the guest's basket becomes the member's, once."""
    guest = basket_hash_of(request)
    if guest is not None and await service.merge_on_sign_in(conn, sign_in.account_id, guest):
        await keep_count(conn, request.app[REDIS], Owner(account_id=sign_in.account_id), sign_in.tag)


def owner_of(request: web.Request, visitor: Visitor) -> Owner:
    """Whose basket the request is about; Owner() for a guest who has none."""
    if visitor.account_id is not None:
        return Owner(account_id=visitor.account_id)
    return Owner(cookie_hash=basket_hash_of(request))


async def _holder(request: web.Request) -> Holder:
    visitor = await visitor_of(request)
    owner = owner_of(request, visitor)
    if owner != Owner():
        return Holder(owner, visitor.tag)
    cookie = secrets.token_urlsafe(COOKIE_BYTES)
    return Holder(Owner(cookie_hash=hashlib.sha256(cookie.encode()).digest()), "", cookie)


async def _changed(
    request: web.Request, change: Change, message: str = "", *, begins: bool = False
) -> web.StreamResponse:
    """Makes a change in a transaction of its own and says how it went; a guest's basket begins only with goods."""
    holder, count = await _holder(request), None
    if holder.new_cookie and not begins:
        return see_other(request, "cart.cart")
    kind: Kind = "success"
    try:
        async with request.app[DB].transaction() as conn:
            await change(conn, holder.owner)
            count = await keep_count(conn, request.app[REDIS], holder.owner, holder.tag)
    except (NotSold, NotEnough, BasketFull) as problem:
        message, kind = _explained(request[LANG], problem), "error"
    response = await _told(request, message, kind, count)
    if holder.new_cookie and count is not None:
        give_cookie(request, response, BASKET, holder.new_cookie, GUEST_DAYS * 86_400)
    return response


async def _told(request: web.Request, message: str, kind: Kind, count: int | None = None) -> web.StreamResponse:
    """The answer to a form: for script as JSON, else back to the page it came from, which says the message."""
    if "application/json" in request.headers.get("Accept", ""):
        told = {"kind": kind, "message": message, "count": count}
        return web.json_response(told, status=409 if kind == "error" else 200, headers={"Cache-Control": "no-store"})
    response = see_other_path(await _way_back(request)) if request.method == "POST" else see_other(request, "cart.cart")
    if message:
        flash(request, response, message, kind)
    return response


async def _way_back(request: web.Request) -> str:
    """The page of ours with the form, as the browser names it; else the basket."""
    settings = request.app[SETTINGS]
    referer = request.headers.get("Referer", "")
    scheme, _, rest = referer.partition("://")
    host, slash, path = rest.partition("/")
    is_own = scheme == ("https" if settings.is_secure else "http") and host.lower() in settings.hosts
    own = await own_page(request, slash + path) if is_own else None
    return own or see_other(request, "cart.cart").headers["Location"]


def _explained(lang: str, problem: NotSold | NotEnough | BasketFull) -> str:
    match problem:
        case NotEnough(available=0):
            return gettext(lang, "Sold out for now.")
        case NotEnough(available=available):
            return gettext(lang, "Only %(count)s left; your basket has not changed.", count=available)
        case BasketFull():
            return gettext(lang, "Your basket is full. Order what is in it, or take something out.")
        case _:
            return gettext(lang, "This is not on sale any more.")


async def _place(conn: Connection, visitor: Visitor, basket: Basket) -> Place:
    """Where the basket would go: what was said about it, else the member's own address."""
    if basket.place.is_known or visitor.account_id is None:
        return basket.place
    address = await offered_address(conn, visitor.account_id)
    if address is None:
        return basket.place
    return Place(address.country, address.city, address.district, address.postcode or "")


def _sku(request: web.Request) -> int:
    number = whole_number(request.match_info["sku"])
    if number is None:
        raise web.HTTPNotFound
    return number


def _first_error(form: Form) -> str:
    return next((str(field.errors[0]) for field in form if field.errors), "")
