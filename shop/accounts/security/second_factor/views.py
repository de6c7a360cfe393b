"""Switching the second factor on and off. All of it asks for a fresh sign-in."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

from shop import totp
from shop.accounts.security.models import SecondFactor
from shop.accounts.security.second_factor import service
from shop.accounts.security.second_factor.forms import FirstCodeForm
from shop.accounts.views import origin_of, owner_of, seals_of
from shop.i18n import N_, gettext
from shop.keys import DB, LANG, LIMITS
from shop.web.access import visitor_of
from shop.web.flash import flash
from shop.web.form_pages import WRONG, too_many
from shop.web.forms import Form
from shop.web.respond import render, see_other
from shop.web.stated import STATED


async def second_factor(request: web.Request) -> web.StreamResponse:
    """Off, being set up, or on; a right first code switches it on and shows the recovery codes, this once."""
    if request.method != "POST":
        return await _page(request, FirstCodeForm.blank(request))
    form = await FirstCodeForm.read(request)
    if not form.validate():
        return await _page(request, form, status=WRONG)
    async with request.app[DB].read() as conn:
        account = await owner_of(conn, request)
    attempt = await request.app[LIMITS].take(*((limit, str(account.id)) for limit in service.CODE_LIMITS))
    if not attempt.is_allowed:
        return await too_many(request, "accounts/second_factor.html", form, attempt, **await _state(request))
    try:
        async with request.app[DB].transaction() as conn:
            codes = await service.confirm(conn, seals_of(request), account.id, form.code.data or "", origin_of(request))
    except service.WrongCode:
        form.wrong(form.code, N_("This code is not right. Enter the one your app shows now."))
        return await _page(request, form, status=WRONG)
    await request.app[LIMITS].give_back(attempt)
    return await render(request, "accounts/recovery_codes.html", codes=codes, is_new=True)


async def new_secret(request: web.Request) -> web.StreamResponse:
    """A new secret to scan; one that is in use stays."""
    try:
        async with request.app[DB].transaction() as conn:
            await service.CUSTOMERS.prepare(conn, seals_of(request), (await owner_of(conn, request)).id)
    except service.AlreadyOn:
        pass  # two clicks, or another window: the page shows how things stand
    return see_other(request, "accounts.second_factor")


async def qr(request: web.Request) -> web.StreamResponse:
    """The secret as a picture for the app's camera; only while it is being set up."""
    async with request.app[DB].read() as conn:
        account = await owner_of(conn, request)
        factor = await service.CUSTOMERS.of(conn, account.id)
    if factor is None or factor.confirmed_at is not None:
        raise web.HTTPNotFound
    uri = totp.provisioning_uri(
        service.CUSTOMERS.secret_of(seals_of(request), factor), _issuer(request), account.username
    )
    picture = await asyncio.to_thread(totp.drawn, uri)
    return web.Response(body=picture, content_type="image/svg+xml", headers={"Cache-Control": "no-store"})


async def recovery_codes(request: web.Request) -> web.StreamResponse:
    """Ten new recovery codes, shown once; the old ones are worth nothing any more."""
    async with request.app[DB].transaction() as conn:
        account = await owner_of(conn, request)
        factor = await service.CUSTOMERS.of(conn, account.id)
        if factor is None or factor.confirmed_at is None:
            return see_other(request, "accounts.second_factor")
        codes = await service.make_recovery_codes(conn, account.id, origin_of(request))
    return await render(request, "accounts/recovery_codes.html", codes=codes, is_new=False)


async def removal(request: web.Request) -> web.StreamResponse:
    """Back to the password alone."""
    async with request.app[DB].transaction() as conn:
        await service.remove(conn, (await owner_of(conn, request)).id, origin_of(request))
    response = see_other(request, "accounts.security")
    flash(request, response, gettext(request[LANG], N_("The second factor is off.")), "info")
    return response


async def _page(request: web.Request, form: Form, *, status: int = 200) -> web.StreamResponse:
    return await render(request, "accounts/second_factor.html", form=form, status=status, **await _state(request))


async def _state(request: web.Request) -> dict[str, Any]:
    visitor = await visitor_of(request)
    assert visitor.account_id is not None
    async with request.app[DB].read() as conn:
        factor = await service.CUSTOMERS.of(conn, visitor.account_id)
        left = await service.CUSTOMERS.codes_left(conn, visitor.account_id)
    return {"factor": factor, "codes_left": left, "secret": _readable(request, factor)}


def _readable(request: web.Request, factor: SecondFactor | None) -> str:
    """The secret to type by hand, as long as it is being set up."""
    if factor is None or factor.confirmed_at is not None:
        return ""
    return totp.readable(service.CUSTOMERS.secret_of(seals_of(request), factor))


def _issuer(request: web.Request) -> str:
    return request.app[STATED].profile.name
