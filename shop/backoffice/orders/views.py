"""Orders: the queue, one of them, and each step it takes."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from shop.backoffice.audit.queries import history_of
from shop.backoffice.orders import queries, service
from shop.backoffice.orders.forms import OPEN, TO_PACK, WORDS, CancellationForm, NoteForm, OrdersForm, RefundForm
from shop.backoffice.views import PAGE_SIZE, actor_of, after_of, chosen_in, confirm_page, number_in
from shop.db import Connection
from shop.delivery.models import Window
from shop.i18n import N_, format_span, gettext, text_in
from shop.keys import DB, LANG, SETTINGS, URLS
from shop.orders.models import CASH, Fulfilment, NotAllowed, Order
from shop.orders.queries import order_page
from shop.orders.service import WrongAmount
from shop.web.flash import Kind, flash
from shop.web.form_pages import WRONG, form_page
from shop.web.forms import Form
from shop.web.respond import render, see_other

TOO_LATE: Final = N_("That cannot be done (any more): the order has moved on meanwhile. Nothing was changed.")
LONGEST_ID: Final = 18


async def orders(request: web.Request) -> web.StreamResponse:
    """The queue: what is open, newest first, or what is searched for."""
    form = OrdersForm.of(request)
    async with request.app[DB].read() as conn:
        form.window.choices = window_choices(request, await queries.windows_of_open_orders(conn))
        page = await queries.found_orders(conn, PAGE_SIZE, after=after_of(request), **_narrowed(request, form))
    context: dict[str, Any] = {"form": form, "page": page, "chosen": chosen_in(form)}
    return await render(request, "backoffice/orders/list.html", **context, **WORDS)


async def order(request: web.Request) -> web.StreamResponse:
    """One order: goods, address, money, story, and what can be done next."""
    return await _order_page(request, NoteForm.blank(request))


async def slip(request: web.Request) -> web.StreamResponse:
    """The paper that lies in the box: goods, address, sums and tax."""
    async with request.app[DB].read() as conn:
        found = await asked_for(conn, request)
        page = await order_page(conn, found)
    return await render(request, "backoffice/orders/slip.html", page=page, order=found, **WORDS)


async def ship(request: web.Request) -> web.StreamResponse:
    """It is on its way, or lies ready at the counter."""
    return await take_step(request, Fulfilment.SHIPPED, N_("It is on its way; the customer gets a mail."))


async def deliver(request: web.Request) -> web.StreamResponse:
    """It was handed over, and cash was taken."""
    if request.method == "POST":
        return await take_step(request, Fulfilment.DELIVERED, N_("Noted as handed over."))
    async with request.app[DB].read() as conn:
        found = await asked_for(conn, request)
    cash = N_("The cash counts as taken at this moment. This cannot be undone.")
    return await confirm_page(
        request,
        title=gettext(request[LANG], "Was order %(number)s handed over?", number=found.number),
        text=gettext(request[LANG], cash if found.method == CASH else N_("This cannot be undone.")),
        button=gettext(request[LANG], "Handed over"),
        back=path_of(request, found.id),
        is_dangerous=False,
    )


async def cancel(request: web.Request) -> web.StreamResponse:
    """Cancels before packing; everything goes back."""
    is_sent = request.method == "POST"
    form = await CancellationForm.read(request) if is_sent else CancellationForm.blank(request)
    async with request.app[DB].read() as conn:
        found = await asked_for(conn, request)
    if not is_sent or not form.validate():
        template = "backoffice/orders/cancellation.html"
        return await form_page(request, template, form, status=WRONG if is_sent else 200, order=found)
    actor = await actor_of(request)
    try:
        async with request.app[DB].transaction() as conn:
            await service.cancel(conn, actor, found.id, form.reason.data or "")
    except NotAllowed:
        return back_to(request, found.id, TOO_LATE, "error")
    return back_to(request, found.id, N_("The order is cancelled; what was paid goes back by itself."))


async def refund(request: web.Request) -> web.StreamResponse:
    """Some or all of the money goes back; once, however often the button is pressed."""
    is_sent = request.method == "POST"
    form = await RefundForm.read(request) if is_sent else RefundForm.blank(request)
    async with request.app[DB].read() as conn:
        file = await queries.order_file(conn, await asked_for(conn, request))
    if is_sent and form.validate() and await _refunded(request, file.order, form):
        return back_to(request, file.order.id, N_("The money is on its way back; the customer gets a mail."))
    form.seen.data = file.given_back
    status = WRONG if is_sent else 200
    return await form_page(request, "backoffice/orders/refund.html", form, status=status, file=file, **WORDS)


async def note(request: web.Request) -> web.StreamResponse:
    """A note for colleagues; customers never see it."""
    form = await NoteForm.read(request)
    if not form.validate():
        return await _order_page(request, form, status=WRONG)
    actor, order_id = await actor_of(request), number_in(request)
    async with request.app[DB].transaction() as conn:
        await asked_for(conn, request)
        await service.note(conn, actor, order_id, form.text.data or "")
    return back_to(request, order_id, N_("Noted."))


async def take_step(request: web.Request, new: Fulfilment, told: str) -> web.StreamResponse:
    """Move the order of the path on, or say that it cannot be; a second click changes nothing."""
    actor, order_id = await actor_of(request), number_in(request)
    try:
        async with request.app[DB].transaction() as conn:
            await asked_for(conn, request)
            await service.step(conn, actor, order_id, new)
    except NotAllowed:
        return back_to(request, order_id, TOO_LATE, "error")
    return back_to(request, order_id, told)


async def asked_for(conn: Connection, request: web.Request) -> Order:
    """The order of the path; raises 404."""
    found = await Order.objects.using(conn).filter(id=number_in(request)).first()
    if found is None:
        raise web.HTTPNotFound
    return found


def back_to(request: web.Request, order_id: int, message: str, kind: Kind = "success") -> web.Response:
    """To the page of the order, with what came of it."""
    response = see_other(request, "backoffice.orders.order", id=order_id)
    flash(request, response, gettext(request[LANG], message), kind)
    return response


def path_of(request: web.Request, order_id: int) -> str:
    """Where an order's page is."""
    return request.app[URLS].path("backoffice.orders.order", request[LANG], id=order_id)


def window_choices(request: web.Request, windows: list[Window]) -> dict[str, str]:
    """The windows as a list to choose from, by id."""
    lang, zone = request[LANG], request.app[SETTINGS].timezone
    told = {
        str(one.id): f"{format_span(lang, one.starts_at, one.ends_at, zone)} · {text_in(one.zone.name, lang)}"
        for one in windows
    }
    return {"": gettext(lang, "All"), **told}


def window_in(form: Form) -> int | None:
    """The id of the chosen window."""
    text = form["window"].data or ""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= LONGEST_ID else None


def _narrowed(request: web.Request, form: OrdersForm) -> dict[str, Any]:
    state = form.state.data or OPEN
    several = {OPEN: queries.OPEN, TO_PACK: (Fulfilment.PLACED,), "all": ()}
    return {
        "search": form.q.data or "",
        "states": several[state] if state in several else (Fulfilment(state),),
        "only_ready": state == TO_PACK,
        "day": form.day.data,
        "zone": request.app[SETTINGS].timezone,
        "window_id": window_in(form),
    }


async def _refunded(request: web.Request, found: Order, form: RefundForm) -> bool:
    """Whether the money was promised; otherwise the form says why not."""
    actor = await actor_of(request)
    try:
        async with request.app[DB].transaction() as conn:
            await service.refund(
                conn, actor, found.id, form.amount.data or 0, form.reason.data or "", seen=form.seen.data or 0
            )
    except service.RefundedMeanwhile:
        form.wrong(None, N_("Money has gone back meanwhile. Look at the sums before you send more."))
    except WrongAmount:
        form.wrong(form.amount, N_("Enter an amount above zero and not beyond what is left."))
    except NotAllowed:
        form.wrong(None, N_("Nothing was paid, so nothing can go back."))
    else:
        return True
    return False


async def _order_page(request: web.Request, form: Form, *, status: int = 200) -> web.StreamResponse:
    async with request.app[DB].read() as conn:
        file = await queries.order_file(conn, await asked_for(conn, request))
        history = await history_of(conn, f"order:{file.order.id}")
    context: dict[str, Any] = {"file": file, "order": file.order, "history_entries": history}
    return await form_page(request, "backoffice/orders/order.html", form, status=status, **context, **WORDS)
