"""Checkout: one page, one button, one order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

from aiohttp import web

from shop.accounts.models import Account, identity_key
from shop.accounts.queries import account_by_id
from shop.cart.count import forget_count
from shop.cart.forms import whole_number
from shop.cart.queries import Owner
from shop.db.group_commit import GroupCommit
from shop.delivery.models import ZoneKind
from shop.i18n import N_, gettext, text_in
from shop.keys import DB, LANG, REDIS, SETTINGS, TOKENS
from shop.metrics import ORDERS
from shop.money import format_money
from shop.orders.checkout.desk import PARTS, Desk, basket_and_addresses, copied, keep_windows_coming, lay_out, place_of
from shop.orders.checkout.forms import AREA, NEW, CheckoutForm
from shop.orders.checkout.words import ORDERED_ALREADY, PLAIN, WITH_GOODS
from shop.orders.links import order_key
from shop.orders.methods import METHODS, Offer
from shop.orders.models import CASH
from shop.orders.placing.models import Answer, Purchase, Reason, Refused
from shop.orders.queries import names_of, placement_of
from shop.web.access import visitor_of
from shop.web.cookies import basket_hash_of
from shop.web.flash import flash
from shop.web.forms import UNUSABLE
from shop.web.peers import address_of, prefix_of
from shop.web.respond import render, see_other
from shop.web.stated import STATED

# The till, and the ways to pay that are set up by name with what people call them; app.py hands them over.
TILL = web.AppKey("TILL", GroupCommit[Purchase, Answer])
WAYS = web.AppKey("WAYS", Mapping[str, str])

WRONG: Final = 422
CONFLICT: Final = 409


@dataclass(frozen=True, slots=True)
class Buyer:
    """Who is at the desk."""

    owner: Owner
    tag: str
    account: Account | None

    @property
    def identity(self) -> str:
        """What tells this buyer from others in a fingerprint."""
        return f"a{self.owner.account_id}" if self.account else f"g{(self.owner.cookie_hash or b'').hex()}"


async def checkout(request: web.Request) -> web.StreamResponse:
    """The page that says everything once more, and the order it leads to."""
    response = await _checkout(request)
    # Script is told where to go as JSON: so a refused form never enters the history, and going back asks nothing.
    if response.status != 303 or "application/json" not in request.headers.get("Accept", ""):
        return response
    told = web.json_response({"location": response.headers.pop("Location")}, headers=response.headers)
    told.cookies.update(response.cookies)
    return told


async def _checkout(request: web.Request) -> web.StreamResponse:
    buyer = await _buyer(request)
    if request.method != "POST":
        return await _begin(request, buyer)
    form = await CheckoutForm.read(request)
    again = await _placed_before(request, form, buyer)
    if again is not None:
        return again
    desk = await _desk(request, form, buyer)
    # The first click may have been served while this one looked: then the empty basket or the full window is its own doing.
    if not desk.basket.lines:
        return await _placed_before(request, form, buyer) or await _nothing_left(request, form)
    _needs(form, buyer, desk)
    if "look" in await request.post():
        return await _page(request, form, buyer, desk)
    if not (form.validate() & _choices(request, form, buyer, desk)):
        return await _placed_before(request, form, buyer) or await _page(request, form, buyer, desk, status=WRONG)
    return await _order(request, form, buyer, desk)


async def _begin(request: web.Request, buyer: Buyer) -> web.StreamResponse:
    async with request.app[DB].read() as conn:
        basket, addresses = await basket_and_addresses(conn, buyer.owner, buyer.account)
    if not basket.can_be_ordered:
        return see_other(request, "cart.cart")
    data: dict[str, Any] = {"checkout_id": str(uuid4()), "address_id": str(addresses[0].id) if addresses else NEW}
    if not addresses:
        data |= {name: getattr(basket.place, name) for name in ("city", "district", "postcode")}
    if buyer.account:
        data["receiver"] = "" if addresses else buyer.account.username
    form = CheckoutForm.blank(request, data=data)
    return await _page(request, form, buyer, await _desk(request, form, buyer))


async def _order(request: web.Request, form: CheckoutForm, buyer: Buyer, desk: Desk) -> web.StreamResponse:
    purchase = _purchase(request, form, buyer, desk)
    answer = await request.app[TILL].submit(purchase)
    if isinstance(answer, Refused):
        ORDERS.labels("refused").inc()
        return await _refused(request, form, buyer, answer)
    ORDERS.labels("placed").inc()
    await forget_count(request.app[REDIS], buyer.owner, buyer.tag)
    return after_placing(request, answer.number, is_guest=buyer.account is None)


def after_placing(request: web.Request, number: str, *, is_guest: bool) -> web.StreamResponse:
    """To the order's page; a guest gets the link that opens it."""
    query = {"key": order_key(request.app[TOKENS], number)} if is_guest else None
    return see_other(request, "orders.order", query, number=number)


def _purchase(request: web.Request, form: CheckoutForm, buyer: Buyer, desk: Desk) -> Purchase:
    account, basket = buyer.account, desk.basket
    assert form.checkout is not None
    assert desk.chosen is not None
    assert desk.window is not None
    email = account.email if account else form.email.data or ""
    kept = desk.address(form.address_id.data or "")
    said = copied(kept) if kept else {name: form[name].data or "" for name in PARTS}
    if desk.chosen.zone.kind is ZoneKind.PICKUP:
        said = {name: said[name] for name in ("receiver", "phone")}
    return Purchase(
        checkout_id=form.checkout,
        fingerprint=form.fingerprint(buyer.identity),
        account_id=account.id if account else None,
        is_activated=account is not None and account.is_active,
        email=email,
        email_key=identity_key(email),
        lang=request[LANG],
        network=prefix_of(address_of(request)),
        lines=tuple((line.sku_id, line.quantity) for line in basket.lines),
        cart_id=basket.id,
        cart_version=_number(form.cart_version.data),
        zone_id=desk.chosen.zone.id,
        window_id=desk.window.id,
        address=said,
        method=form.method.data or "",
        note=form.note.data or "",
        coupon_code=basket.coupon_code,
        seen_total=_number(form.seen_total.data),
    )


def _number(sent: str | None) -> int:
    """A hidden number as the page wrote it; -1, which is no version and no total, for anything else."""
    number = whole_number(sent)
    return -1 if number is None else number


async def _refused(request: web.Request, form: CheckoutForm, buyer: Buyer, answer: Refused) -> web.StreamResponse:
    """The page again with what stands in the way, and with today's sums: nothing is charged that was not seen."""
    desk = await _desk(request, form, buyer)
    if not desk.basket.lines:
        return await _nothing_left(request, form)
    lang = request[LANG]
    if answer.reason is Reason.TOTAL_CHANGED:
        now = format_money(answer.total or 0, request.app[SETTINGS].currency, lang)
        form.wrong(
            None, N_("The total is %(total)s now. Nothing was ordered yet: check it and order again."), total=now
        )
    elif answer.reason in WITH_GOODS:
        async with request.app[DB].read() as conn:
            names = await names_of(conn, list(answer.goods))
        goods = gettext(lang, ", ").join(text_in(name, lang) for name in names)
        form.wrong(None, WITH_GOODS[answer.reason], goods=goods)
    else:
        form.wrong(None, PLAIN[answer.reason])
    if answer.reason is Reason.CHECKOUT_REUSED:
        form.checkout_id.data = str(uuid4())
    return await _page(request, form, buyer, desk, status=CONFLICT)


async def _nothing_left(request: web.Request, form: CheckoutForm) -> web.StreamResponse:
    """The basket is empty: to it, and why nothing was ordered; a used checkout with another content orders nothing more."""
    message = PLAIN[Reason.EMPTY]
    if form.checkout is not None:
        async with request.app[DB].read() as conn:
            if await placement_of(conn, form.checkout) is not None:
                message = ORDERED_ALREADY
    response = see_other(request, "cart.cart")
    flash(request, response, gettext(request[LANG], message), "error")
    return response


async def _placed_before(request: web.Request, form: CheckoutForm, buyer: Buyer) -> web.StreamResponse | None:
    """Where the first click has led, for the second one: the basket is empty by then, so this is asked first."""
    if form.checkout is None:
        return None
    async with request.app[DB].read() as conn:
        before = await placement_of(conn, form.checkout)
    if before is None or before.fingerprint != form.fingerprint(buyer.identity):
        return None
    return after_placing(request, before.number, is_guest=buyer.account is None)


async def _desk(request: web.Request, form: CheckoutForm, buyer: Buyer) -> Desk:
    settings = request.app[SETTINGS]  # the desk is laid out before a field is checked, and PostgreSQL takes no NUL
    said = {name: UNUSABLE.sub("", form[name].data or "") for name in ("email", *AREA)}
    email_key = buyer.account.email_key if buyer.account else identity_key(said["email"])

    async def lay() -> Desk:
        async with request.app[DB].read() as conn:
            basket, addresses = await basket_and_addresses(conn, buyer.owner, buyer.account)
            kept = next((address for address in addresses if str(address.id) == form.address_id.data), None)
            place, who = place_of(copied(kept) if kept else said), (buyer.owner.account_id, email_key)
            return await lay_out(conn, basket, addresses, place, form.window_id, settings.tax_rates, who)

    desk = await lay()
    if all(one.windows for one in desk.served):
        return desk
    await keep_windows_coming(request.app[DB], settings.timezone)
    return await lay()


def _needs(form: CheckoutForm, buyer: Buyer, desk: Desk) -> None:
    """Which fields this order can do without."""
    spare: set[str] = {"email"} if buyer.account else set()
    if desk.address(form.address_id.data or "") is not None:
        spare |= {"receiver", "phone", *AREA}
    elif desk.chosen is not None and desk.chosen.zone.kind is ZoneKind.PICKUP:
        spare |= set(AREA)
    form.not_needed = frozenset(spare)


def _choices(request: web.Request, form: CheckoutForm, buyer: Buyer, desk: Desk) -> bool:
    """Whether a time and a way to pay were chosen among those there are; says so on the form if not."""
    if form.checkout is None:
        form.checkout_id.data = str(uuid4())
        form.wrong(None, PLAIN[Reason.BASKET_CHANGED])
    if desk.window is None:
        form.wrong(form.window, N_("Choose when you want your goods."))
    if form.method.data not in methods(request, buyer, desk):
        form.wrong(form.method, N_("Choose how you want to pay."))
    return not form.form_errors and not form.window.errors and not form.method.errors


def methods(request: web.Request, buyer: Buyer, desk: Desk) -> dict[str, str]:
    """The ways to pay this buyer has for this basket, by name, with what people call them."""
    is_known = buyer.account is not None and buyer.account.is_active
    names = _offer(request).open_to(desk.quote.totals.total)
    return {name: request.app[WAYS][name] for name in names if is_known or name != CASH}


def _offer(request: web.Request) -> Offer:
    """What this process knows of the ways to pay; the till looks again."""
    ways, stated = request.app[WAYS], request.app[STATED].facts.get(METHODS)
    return Offer.of(stated.value if stated else None, list(ways), request.app[SETTINGS].cash_ceiling)


async def _page(
    request: web.Request, form: CheckoutForm, buyer: Buyer, desk: Desk, status: int = 200
) -> web.StreamResponse:
    ways = methods(request, buyer, desk)
    if len(ways) == 1:
        form.method.data = next(iter(ways))
    return await render(
        request,
        "checkout/checkout.html",
        status=status,
        headers={"Cache-Control": "no-store"},
        form=form,
        desk=desk,
        quote=desk.quote,
        methods=ways,
        account=buyer.account,
        cash=_offer(request).get(CASH),
    )


async def _buyer(request: web.Request) -> Buyer:
    visitor = await visitor_of(request)
    if visitor.account_id is None:
        return Buyer(Owner(cookie_hash=basket_hash_of(request)), "", None)
    async with request.app[DB].read() as conn:
        account = await account_by_id(conn, visitor.account_id)
    return Buyer(Owner(account_id=visitor.account_id), visitor.tag, account)
