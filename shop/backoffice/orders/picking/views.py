"""The pick list of a window, and the page on which one order is packed."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from shop.backoffice.orders import queries
from shop.backoffice.orders.forms import WORDS, WindowForm
from shop.backoffice.orders.views import TOO_LATE, asked_for, back_to, take_step, window_choices, window_in
from shop.i18n import N_
from shop.keys import DB
from shop.orders.models import Fulfilment
from shop.web.bodies import posted
from shop.web.form_pages import WRONG
from shop.web.respond import render


async def pick_list(request: web.Request) -> web.StreamResponse:
    """What to take from the shelf for one window, summed, and which order wants it."""
    form = WindowForm.of(request)
    async with request.app[DB].read() as conn:
        windows = await queries.windows_of_open_orders(conn)
        form.window.choices = {value: told for value, told in window_choices(request, windows).items() if value}
        if not form.window.data and windows:
            form.window.data = str(windows[0].id)
        orders = await queries.to_pack(conn, window_in(form) or 0)
        picks = await queries.pick_list(conn, orders)
    return await render(request, "backoffice/orders/picking.html", form=form, picks=picks, orders=orders)


async def pack(request: web.Request) -> web.StreamResponse:
    """One order, line by line; it is packed when every line is ticked."""
    async with request.app[DB].read() as conn:
        file = await queries.order_file(conn, await asked_for(conn, request))
    if not file.can_be_packed:
        return back_to(request, file.order.id, TOO_LATE, "error")
    ticked: set[str] = set()
    if request.method == "POST":
        ticked = {str(value) for value in (await posted(request)).getall("line", [])}
        if ticked >= {str(line.id) for line in file.lines}:
            return await take_step(request, Fulfilment.PACKED, N_("Packed."))
    context: dict[str, Any] = {
        "file": file,
        "order": file.order,
        "ticked": ticked,
        "is_short": request.method == "POST",
    }
    status = WRONG if request.method == "POST" else 200
    return await render(request, "backoffice/orders/packing.html", status=status, **context, **WORDS)
