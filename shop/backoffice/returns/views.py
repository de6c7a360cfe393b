"""Returns: what is asked, the answer, and the goods when they come."""

from __future__ import annotations

from aiohttp import web

from shop.backoffice.orders import queries, service
from shop.backoffice.orders.forms import WORDS
from shop.backoffice.orders.views import TOO_LATE, asked_for
from shop.backoffice.returns.forms import AnswerForm, ReceiptForm
from shop.backoffice.views import actor_of
from shop.i18n import N_, gettext
from shop.keys import DB, LANG
from shop.orders.models import NotAllowed, ReturnRequest
from shop.web.flash import Kind, flash
from shop.web.form_pages import WRONG, form_page
from shop.web.forms import Form
from shop.web.respond import render, see_other


async def returns(request: web.Request) -> web.StreamResponse:
    """What waits for an answer or for the goods, oldest first."""
    async with request.app[DB].read() as conn:
        found = await queries.open_returns(conn)
    return await render(request, "backoffice/returns/list.html", returns=found, **WORDS)


async def answer(request: web.Request) -> web.StreamResponse:
    """Approve or reject."""
    is_sent = request.method == "POST"
    form = await AnswerForm.read(request) if is_sent else AnswerForm.blank(request)
    if not is_sent or not form.validate():
        return await _page(request, "backoffice/returns/answer.html", form)
    actor, is_accepted = await actor_of(request), form.answer.data == "yes"
    try:
        async with request.app[DB].transaction() as conn:
            order = await asked_for(conn, request)
            told = form.reason.data or ""
            await service.answer_return(conn, actor, order.id, is_accepted=is_accepted, reason=told)
    except NotAllowed:
        return _back(request, TOO_LATE, "error")
    return _back(request, N_("Approved. Note it here when the goods come.") if is_accepted else N_("Rejected."))


async def receive(request: web.Request) -> web.StreamResponse:
    """The goods are here: back on the shelf or written off; the money follows by itself."""
    is_sent = request.method == "POST"
    form = await ReceiptForm.read(request) if is_sent else ReceiptForm.blank(request)
    if not is_sent or not form.validate():
        return await _page(request, "backoffice/returns/receipt.html", form)
    actor = await actor_of(request)
    try:
        async with request.app[DB].transaction() as conn:
            order = await asked_for(conn, request)
            await service.receive_return(conn, actor, order.id, fit_for_sale=form.fate.data == "restock")
    except NotAllowed:
        return _back(request, TOO_LATE, "error")
    return _back(request, N_("Received. The money goes back by itself."))


async def _page(request: web.Request, template: str, form: Form) -> web.StreamResponse:
    """The form, or 404 where nobody asked to give anything back."""
    async with request.app[DB].read() as conn:
        order = await asked_for(conn, request)
        asked = await ReturnRequest.objects.using(conn).filter(order_id=order.id).first()
        if asked is None:
            raise web.HTTPNotFound
        file = await queries.order_file(conn, order)
    status = WRONG if request.method == "POST" else 200
    return await form_page(request, template, form, status=status, file=file, order=order, asked=asked)


def _back(request: web.Request, message: str, kind: Kind = "success") -> web.Response:
    response = see_other(request, "backoffice.returns")
    flash(request, response, gettext(request[LANG], message), kind)
    return response
