"""The address book of a customer."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from shop.accounts.addresses import queries, service
from shop.accounts.addresses.forms import AddressForm
from shop.accounts.addresses.models import AT_MOST, Address, TooManyAddresses
from shop.accounts.addresses.regions import PROVINCES
from shop.i18n import N_, gettext
from shop.keys import DB, LANG
from shop.web.access import visitor_of
from shop.web.flash import flash
from shop.web.form_pages import WRONG, form_page
from shop.web.next_page import own_page
from shop.web.respond import render, see_other, see_other_path

TEMPLATE = "accounts/address.html"


async def addresses(request: web.Request) -> web.StreamResponse:
    """All addresses of the customer."""
    account_id = await _customer(request)
    async with request.app[DB].read() as conn:
        own = await queries.addresses_of(conn, account_id)
    return await render(request, "accounts/addresses.html", addresses=own, at_most=AT_MOST)


async def new_address(request: web.Request) -> web.StreamResponse:
    """One more address; `next` leads back to where it was needed."""
    account_id = await _customer(request)
    wanted = await own_page(request, request.query.get("next"))
    around: dict[str, Any] = {"address": None, "provinces": PROVINCES, "next": wanted}
    if request.method != "POST":
        return await form_page(request, TEMPLATE, AddressForm.blank(request), **around)
    form = await AddressForm.read(request)
    if not form.validate():
        return await form_page(request, TEMPLATE, form, status=WRONG, **around)
    try:
        async with request.app[DB].transaction() as conn:
            await service.add_address(conn, account_id, form.values, is_default=bool(form.is_default.data))
    except TooManyAddresses:
        form.wrong(None, N_("You keep %(count)d addresses already. Delete one you no longer need."), count=AT_MOST)
        return await form_page(request, TEMPLATE, form, status=WRONG, **around)
    response = see_other_path(wanted) if wanted else see_other(request, "accounts.addresses")
    flash(request, response, gettext(request[LANG], N_("The address is saved.")))
    return response


async def address(request: web.Request) -> web.StreamResponse:
    """One address to be edited; another's is as if it were not there."""
    account_id, kept = await _own_address(request)
    around: dict[str, Any] = {"address": kept, "provinces": PROVINCES, "next": None}
    if request.method != "POST":
        return await form_page(request, TEMPLATE, AddressForm.blank(request, obj=kept), **around)
    form = await AddressForm.read(request)
    if not form.validate():
        return await form_page(request, TEMPLATE, form, status=WRONG, **around)
    async with request.app[DB].transaction() as conn:
        is_default = bool(form.is_default.data)
        if not await service.edit_address(conn, account_id, kept.id, form.values, is_default=is_default):
            raise web.HTTPNotFound
    response = see_other(request, "accounts.addresses")
    flash(request, response, gettext(request[LANG], N_("The address is saved.")))
    return response


async def make_default(request: web.Request) -> web.StreamResponse:
    """The address every order begins with from now on."""
    account_id, kept = await _own_address(request)
    async with request.app[DB].transaction() as conn:
        if not await service.choose_default(conn, account_id, kept.id):
            raise web.HTTPNotFound
    return see_other(request, "accounts.addresses")


async def delete(request: web.Request) -> web.StreamResponse:
    """An address that is no longer needed."""
    account_id, kept = await _own_address(request)
    async with request.app[DB].transaction() as conn:
        if not await service.delete_address(conn, account_id, kept.id):
            raise web.HTTPNotFound
    response = see_other(request, "accounts.addresses")
    flash(request, response, gettext(request[LANG], N_("The address is deleted.")), "info")
    return response


async def _customer(request: web.Request) -> int:
    visitor = await visitor_of(request)
    assert visitor.account_id is not None, "behind the door `signed_in`"
    return visitor.account_id


async def _own_address(request: web.Request) -> tuple[int, Address]:
    """security: asked for together with its owner; 404, not 403, so that numbers tell nothing."""
    account_id, number = await _customer(request), request.match_info["id"]
    if not (number.isascii() and number.isdigit() and len(number) < 19):
        raise web.HTTPNotFound
    async with request.app[DB].read() as conn:
        found = await queries.address_of(conn, account_id, int(number))
    if found is None:
        raise web.HTTPNotFound
    return account_id, found
