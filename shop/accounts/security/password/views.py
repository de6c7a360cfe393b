"""Changing the password, and getting in again without it."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from shop.accounts.models import Account, identity_key
from shop.accounts.security.password import service
from shop.accounts.security.password.forms import NewPasswordForm, ResetForm
from shop.accounts.sign_in.views import renewed_session
from shop.accounts.views import PRIVATE, origin_of, owner_of
from shop.i18n import N_, gettext
from shop.keys import DB, LANG, LIMITS, PASSWORDS, TOKENS
from shop.limits import Limit
from shop.tokens import LinkExpired, LinkInvalid
from shop.web.flash import flash
from shop.web.form_pages import WRONG, form_page, place_to_hash, too_many
from shop.web.known_devices import know_device
from shop.web.peers import address_of, prefix_of
from shop.web.respond import render, see_other
from shop.web.sessions import SESSIONS

PER_NETWORK: Final = Limit("reset.network", 20, 3600)
PER_ADDRESS: Final = Limit("reset.address", 5, 86_400)
EVERYBODY: Final = Limit("reset.all", 1000, 300)


async def password(request: web.Request) -> web.StreamResponse:
    """Another password for who has just signed in; every other session ends and this one gets a new id."""
    template = "accounts/password.html"
    async with request.app[DB].read() as conn:
        account = await owner_of(conn, request)
    if request.method != "POST":
        return await form_page(request, template, NewPasswordForm.blank(request), account=account)
    form = await _read(request, account)
    if not form.validate():
        return await form_page(request, template, form, status=WRONG, account=account)
    with place_to_hash(request):
        password_hash = await request.app[PASSWORDS].hash(form.password.data or "")
    try:
        async with request.app[DB].transaction() as conn:
            await service.change_password(conn, account, password_hash, origin_of(request))
            started = await renewed_session(request, conn, account)
    except LinkInvalid:
        return see_other(request, "accounts.login")
    response = see_other(request, "accounts.security")
    await request.app[SESSIONS].begin(request, response, started)
    told = N_("Your password is changed. On all other devices you have been signed out.")
    flash(request, response, gettext(request[LANG], told))
    return response


async def password_reset(request: web.Request) -> web.StreamResponse:
    """Where a forgotten password begins; the answer is the same for every address."""
    template = "accounts/password_reset.html"
    if request.method != "POST":
        return await form_page(request, template, ResetForm.blank(request))
    form = await ResetForm.read(request)
    if not form.validate():
        return await form_page(request, template, form, status=WRONG)
    email = form.email.data or ""
    windows = ((PER_NETWORK, prefix_of(address_of(request))), (PER_ADDRESS, identity_key(email)), (EVERYBODY, ""))
    attempt = await request.app[LIMITS].take(*windows)
    if not attempt.is_allowed:
        return await too_many(request, template, form, attempt)
    async with request.app[DB].transaction() as conn:
        await service.ask_for_reset(conn, email, origin_of(request))
    response = see_other(request, "accounts.password_reset")
    told = N_("If an account has this address, a mail with a link is on its way. It works for one hour.")
    flash(request, response, gettext(request[LANG], told), "info")
    return response


async def password_reset_link(request: web.Request) -> web.StreamResponse:
    """Where the link in the mail leads: a new password, and then the ordinary way in."""
    template = "accounts/password_reset_link.html"
    try:
        async with request.app[DB].read() as conn:
            account = await service.account_to_reset(conn, request.app[TOKENS], request.match_info["token"])
        if request.method != "POST":
            blank = NewPasswordForm.blank(request)
            return await form_page(request, template, blank, account=account, headers=PRIVATE)
        form = await _read(request, account)
        if not form.validate():
            return await form_page(request, template, form, status=WRONG, account=account, headers=PRIVATE)
        with place_to_hash(request):
            password_hash = await request.app[PASSWORDS].hash(form.password.data or "")
        async with request.app[DB].transaction() as conn:
            await service.reset_password(conn, account, password_hash, origin_of(request))
    except LinkInvalid as problem:
        return await _broken_link(request, problem)
    response = see_other(request, "accounts.login")
    know_device(request, response, account.id)
    flash(request, response, gettext(request[LANG], N_("Your new password is set. Sign in with it.")))
    return response


async def _read(request: web.Request, account: Account) -> NewPasswordForm:
    form = await NewPasswordForm.read(request)
    form.names = (account.username, account.email)
    return form


async def _broken_link(request: web.Request, problem: LinkInvalid) -> web.StreamResponse:
    is_expired = isinstance(problem, LinkExpired)
    form = ResetForm.blank(request)
    template = "accounts/broken_reset_link.html"
    return await render(request, template, form=form, is_expired=is_expired, status=WRONG, headers=PRIVATE)
