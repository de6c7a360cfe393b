"""Customers: a list, one of them, and the few things the shop does about an account."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from shop.accounts.models import Account
from shop.accounts.sessions.queries import open_sessions
from shop.backoffice.audit.models import Actor
from shop.backoffice.audit.queries import history_of
from shop.backoffice.customers import queries, service
from shop.backoffice.customers.forms import CustomersForm
from shop.backoffice.orders.forms import WORDS
from shop.backoffice.views import PAGE_SIZE, actor_of, after_of, chosen_in, confirm_page, number_in
from shop.db import Connection
from shop.i18n import N_, gettext
from shop.keys import DB, LANG, URLS
from shop.orders.queries import orders_of
from shop.web.flash import flash
from shop.web.respond import render, see_other

LATEST_ORDERS = 20
Deed = Callable[[Connection, Actor, Account], Awaitable[None]]


async def customers(request: web.Request) -> web.StreamResponse:
    """Everybody who has an account, narrowed."""
    form = CustomersForm.of(request)
    narrowed = {"search": form.q.data or "", "state": form.state.data or ""}
    async with request.app[DB].read() as conn:
        page = await queries.found_customers(conn, PAGE_SIZE, after=after_of(request), **narrowed)
    return await render(request, "backoffice/customers/list.html", form=form, page=page, chosen=chosen_in(form))


async def customer(request: web.Request) -> web.StreamResponse:
    """One customer: state, orders, and where they are signed in."""
    async with request.app[DB].read() as conn:
        found = await _asked_for(conn, request)
        context: dict[str, Any] = {
            "customer": found,
            "orders": await orders_of(conn, found.id, None, LATEST_ORDERS),
            "sessions": await open_sessions(conn, found.id),
            "waiting": await queries.waiting_registrations(conn, found.id),
            "history_entries": await history_of(conn, f"customer:{found.id}"),
        }
    return await render(request, "backoffice/customers/customer.html", **context, **WORDS)


async def send_activation(request: web.Request) -> web.StreamResponse:
    """The mail that confirms the address, once more."""
    return await _do(request, service.send_activation, N_("The mail is on its way, with a new link."))


async def close(request: web.Request) -> web.StreamResponse:
    """The end of access, at once and until the shop decides otherwise."""
    if request.method == "POST":
        return await _do(request, service.close, N_("The account is deactivated; they are signed out everywhere."))
    async with request.app[DB].read() as conn:
        found = await _asked_for(conn, request)
    return await confirm_page(
        request,
        title=gettext(request[LANG], "Deactivate the account of %(name)s?", name=found.username),
        text=gettext(
            request[LANG],
            "They are signed out everywhere at once and cannot come in any more. Orders stay as they are.",
        ),
        button=gettext(request[LANG], "Deactivate"),
        back=request.app[URLS].path("backoffice.customers.customer", request[LANG], id=found.id),
    )


async def reopen(request: web.Request) -> web.StreamResponse:
    """Access again, with the password they had."""
    return await _do(request, service.reopen, N_("The account is open again."))


async def _do(request: web.Request, deed: Deed, told: str) -> web.StreamResponse:
    actor = await actor_of(request)
    is_done = True
    try:
        async with request.app[DB].transaction() as conn:
            await deed(conn, actor, await _asked_for(conn, request))
    except service.NothingToDo:
        is_done, told = False, N_("There was nothing to do: somebody has done it already. Nothing was changed.")
    response = see_other(request, "backoffice.customers.customer", id=number_in(request))
    flash(request, response, gettext(request[LANG], told), "success" if is_done else "error")
    return response


async def _asked_for(conn: Connection, request: web.Request) -> Account:
    found = await queries.customer_by_id(conn, number_in(request))
    if found is None:
        raise web.HTTPNotFound
    return found
