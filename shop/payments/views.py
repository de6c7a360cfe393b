"""On the way to the bank, back from it, and what the bank says behind the buyer's back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import structlog
from aiohttp import web

from shop.accounts.queries import account_by_id
from shop.i18n import N_, gettext
from shop.keys import DB, LANG, SETTINGS, TOKENS, URLS
from shop.metrics import PAYMENTS
from shop.orders.links import order_key
from shop.orders.methods import METHODS, Offer, offer_of
from shop.orders.models import CASH, Fulfilment, NotAllowed, Order
from shop.orders.models import Payment as OrderPayment
from shop.orders.queries import order_by_id
from shop.payments.alarms import Alarms
from shop.payments.models import Notice, Payment, State
from shop.payments.providers.base import Forged, Provider, ProviderAway, Visit
from shop.payments.providers.registry import Providers
from shop.payments.queries import latest_payment, open_payment
from shop.payments.service import StillOpen, begin, pay_at_the_door
from shop.payments.settling import ask_once, hear, settle
from shop.web.access import visitor_of
from shop.web.bodies import posted
from shop.web.flash import flash
from shop.web.headers import paying
from shop.web.peers import address_of, prefix_of
from shop.web.respond import render, see_other
from shop.web.stated import STATED

PROVIDERS = web.AppKey("PROVIDERS", Providers)
# Finds the order of the address for those who may pay it, else raises 404; app.py hands it over.
OWN_ORDER: web.AppKey[Callable[[web.Request], Awaitable[Order]]] = web.AppKey("OWN_ORDER")

# A storm of notices waits in line here, and leaves the connections to those who shop.
NOTICE_DESK = web.AppKey("NOTICE_DESK", asyncio.Semaphore)
FORGERIES = web.AppKey("FORGERIES", Alarms)

PRIVATE: Final = {"Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}
LARGEST_NOTICE: Final = 64 * 1024
NOTICES_AT_ONCE: Final = 3
NOTICE_SECONDS: Final = 2.0

log = structlog.get_logger("shop.payments")


async def pay(request: web.Request) -> web.StreamResponse:
    """Sends the buyer to the chosen provider; a former try is asked about and closed first, so that nobody pays twice."""
    order = await request.app[OWN_ORDER](request)
    method = (await posted(request)).get("method", "")
    provider, settings = request.app[PROVIDERS].get(method), request.app[SETTINGS]
    async with request.app[DB].read() as conn:
        offer = await offer_of(conn, settings.payment_methods, settings.cash_ceiling)
        latest = await latest_payment(conn, order.id)
    if provider is None or method not in await ways_to_pay(request, order, latest, offer):
        return _back(request, order, N_("This way to pay is not offered for this order. Choose another one."))
    try:
        payment = await _begun(request, order, provider)
    except NotAllowed:
        return _back(request, order, N_("This order is not waiting for payment any more."))
    except ProviderAway as problem:
        log.warning("payment provider away", provider=provider.name, error=str(problem))
        return _back(
            request, order, N_("The bank does not answer at the moment. Your order is kept; try again in a minute.")
        )
    if payment is None or payment.state is not State.OPEN:
        return see_other(request, "payments.returned", keyed(request), number=order.number)
    return await _on_the_way(request, order, provider, payment)


async def returned(request: web.Request) -> web.StreamResponse:
    """Where the bank sends people back to: it believes nothing of the address, but asks the bank and shows what is known.

    security: anybody can type this address; only what the provider itself says pays an order.
    """
    order = await request.app[OWN_ORDER](request)
    payment = await _latest(request, order)
    provider = request.app[PROVIDERS].get(payment.provider) if payment else None
    if payment and provider and payment.state is State.OPEN:
        payment = await ask_once(request.app[DB], provider, payment)
    async with request.app[DB].read() as conn:
        order = await order_by_id(conn, order.id) or order
    told: dict[str, Any] = {"order": order, "news": _news(order, payment), "keyed": keyed(request)}
    return await render(request, "payments/returned.html", headers=PRIVATE, **told)


async def notice(request: web.Request) -> web.StreamResponse:
    """What a provider says by itself; it is believed only if its signature, its merchant and its facts are right."""
    name = request.match_info["provider"]
    provider = request.app[PROVIDERS].get(name)
    if provider is None or not provider.receipt:
        raise web.HTTPNotFound
    body = await request.read()
    try:
        if len(body) > LARGEST_NOTICE:
            raise Forged("too long")
        said = provider.read_notice(request.headers, body)
    except Forged as problem:
        _refused(request, name, problem)
        return web.Response(status=400, text="fail", headers={"Cache-Control": "no-store"})
    await _heard(request, said)
    return web.Response(text=provider.receipt, headers={"Cache-Control": "no-store"})


def _refused(request: web.Request, name: str, problem: Forged) -> None:
    """The metric counts every one; security: anybody can send them, so the log hears once a minute how many there were."""
    PAYMENTS.labels(name, "refused").inc()
    if times := request.app[FORGERIES].rung(name):
        network = prefix_of(address_of(request))
        log.error("payment notice refused", provider=name, reason=str(problem), network=network, times=times)


async def _heard(request: web.Request, said: Notice) -> None:
    """Takes it as soon as there is room; raises 503 when there is none in time, and the provider comes again."""
    desk = request.app[NOTICE_DESK]
    try:
        async with asyncio.timeout(NOTICE_SECONDS):
            await desk.acquire()
    except TimeoutError:
        raise web.HTTPServiceUnavailable from None
    try:
        await hear(request.app[DB], said)
    finally:
        desk.release()


async def ways_to_pay(request: web.Request, order: Order, latest: Payment | None, offer: Offer) -> dict[str, str]:
    """The ways that are open to this order, the one chosen at the checkout first, with what people call them.

    None while people have to look at money that does not match: it may be this order's.
    """
    if latest is not None and latest.state is State.MISMATCH:
        return {}
    names = offer.open_to(order.total)
    if CASH in names and not await _may_pay_cash(request, order):
        names.remove(CASH)
    labels = request.app[PROVIDERS].labels
    return {name: labels[name] for name in sorted(names, key=lambda name: name != order.method)}


async def payment_part(request: web.Request, order: Order) -> tuple[Mapping[str, Any], Mapping[str, str]]:
    """What an order's page offers (the ways, and what a bank has said or not said yet), and the policy it needs for that."""
    latest = await _latest(request, order)
    told = {
        "ways": await ways_to_pay(request, order, latest, _offer(request)),
        "is_on_the_way": latest is not None and latest.state is State.OPEN,
        "is_in_question": latest is not None and latest.state is State.MISMATCH,
    }
    return told, paying(request.app[PROVIDERS].origins)


def _offer(request: web.Request) -> Offer:
    """What this process knows of the ways to pay, to be shown; who pays is let in by what the database says."""
    stated, settings = request.app[STATED].facts.get(METHODS), request.app[SETTINGS]
    return Offer.of(stated.value if stated else None, settings.payment_methods, settings.cash_ceiling)


def keyed(request: web.Request) -> dict[str, str] | None:
    """A guest's key, as it came with the address."""
    key = request.query.get("key")
    return {"key": key} if key else None


async def _latest(request: web.Request, order: Order) -> Payment | None:
    async with request.app[DB].read() as conn:
        return await latest_payment(conn, order.id)


async def _begun(request: web.Request, order: Order, provider: Provider) -> Payment | None:
    """A payment to go to the bank with; one that brought money already; or None for cash, where there is no bank."""
    db = request.app[DB]
    former = await _settled(request, order)
    if former is not None and former.state in {State.CAPTURED, State.SURPLUS, State.MISMATCH}:
        return former
    try:
        if provider.name == CASH:
            await db.in_transaction(lambda conn: pay_at_the_door(conn, order.id))
            return None
        return await db.in_transaction(lambda conn: begin(conn, order.id, provider.name))
    except StillOpen as twin:
        # The second click of the same person: the first one has just begun.
        if twin.payment.provider == provider.name:
            return twin.payment
        raise ProviderAway("another try has just begun") from None


async def _settled(request: web.Request, order: Order) -> Payment | None:
    """The former try, no longer open; raises ProviderAway when that cannot be known."""
    async with request.app[DB].read() as conn:
        former = await open_payment(conn, order.id)
    if former is None:
        return None
    provider = request.app[PROVIDERS].get(former.provider)
    if provider is None:
        raise ProviderAway("switched off")
    return await settle(request.app[DB], provider, former)


async def _on_the_way(request: web.Request, order: Order, provider: Provider, payment: Payment) -> web.StreamResponse:
    lang, urls = request[LANG], request.app[URLS]
    # An order that has joined an account since may still be paid by whoever holds its link.
    is_keyed = order.account_id is None or keyed(request) is not None
    key = {"key": order_key(request.app[TOKENS], order.number)} if is_keyed else None
    visit = Visit(
        subject=f"{request.app[STATED].profile.name} {order.number}",
        return_url=urls.absolute("payments.returned", lang, key, number=order.number),
        notify_url=urls.absolute("payments.notice", urls.languages[0], provider=provider.name),
        lang=lang,
        is_phone=_is_phone(request),
    )
    address = await provider.start(payment, visit)
    assert address is not None, "only cash has no address, and it begins no payment"
    return web.Response(status=303, headers={"Location": address, **PRIVATE})


async def _may_pay_cash(request: web.Request, order: Order) -> bool:
    """Only members who have confirmed their address."""
    visitor = await visitor_of(request)
    if order.account_id is None or visitor.account_id != order.account_id:
        return False
    async with request.app[DB].read() as conn:
        account = await account_by_id(conn, order.account_id)
    return account is not None and account.is_active


def _news(order: Order, payment: Payment | None) -> str:
    """What to tell somebody who comes back from the bank."""
    # Money that does not match goes nowhere by itself, whatever became of the order: people look at it.
    if payment is not None and payment.state is State.MISMATCH:
        return "mismatch"
    # Money that came too late prepares no goods, it goes back.
    if order.fulfilment is Fulfilment.CANCELLED:
        return "cancelled"
    if order.payment is not OrderPayment.DUE:
        return "paid"
    if order.method == CASH:
        return "cash"
    if payment is None or payment.state is State.CLOSED:
        return "declined"
    return "waiting"


def _is_phone(request: web.Request) -> bool:
    hint = request.headers.get("Sec-CH-UA-Mobile")
    return hint == "?1" if hint else "Mobi" in request.headers.get("User-Agent", "")


def _back(request: web.Request, order: Order, message: str) -> web.StreamResponse:
    response = see_other(request, "orders.order", keyed(request), number=order.number)
    flash(request, response, gettext(request[LANG], message), "error")
    return response
