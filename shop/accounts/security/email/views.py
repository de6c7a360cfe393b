"""Asking for another e-mail address, and confirming it from there."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from shop.accounts.models import identity_key
from shop.accounts.security.email import service
from shop.accounts.security.email.forms import EmailForm
from shop.accounts.sign_in.views import AtSignIn, SignIn
from shop.accounts.views import PRIVATE, origin_of, owner_of
from shop.i18n import N_, gettext
from shop.keys import DB, LANG, LIMITS, TOKENS
from shop.limits import Limit
from shop.tokens import LinkExpired, LinkInvalid
from shop.web.flash import flash
from shop.web.form_pages import WRONG, form_page, too_many
from shop.web.respond import render, see_other

# What belongs to whoever has an e-mail address, taken over in the transaction that confirms it.
AT_NEW_EMAIL = web.AppKey("AT_NEW_EMAIL", tuple[AtSignIn, ...])
PER_ACCOUNT: Final = Limit("email-change.account", 5, 86_400)
PER_ADDRESS: Final = Limit("mail.address", 3, 6 * 3600)


async def email(request: web.Request) -> web.StreamResponse:
    """The address mails go to, and a wish for another one."""
    template = "accounts/email.html"
    async with request.app[DB].read() as conn:
        account = await owner_of(conn, request)
        waiting = await service.change_under_way(conn, account.id)
    around: dict[str, Any] = {"account": account, "waiting": waiting}
    if request.method != "POST":
        return await form_page(request, template, EmailForm.blank(request), **around)
    form = await EmailForm.read(request)
    is_right = form.validate()
    if is_right and identity_key(form.email.data or "") == account.email_key:
        form.wrong(form.email, N_("This is your address already."))
        is_right = False
    if not is_right:
        return await form_page(request, template, form, status=WRONG, **around)
    address = form.email.data or ""
    windows = ((PER_ACCOUNT, str(account.id)), (PER_ADDRESS, identity_key(address)))
    attempt = await request.app[LIMITS].take(*windows)
    if not attempt.is_allowed:
        return await too_many(request, template, form, attempt, **around)
    async with request.app[DB].transaction() as conn:
        await service.ask_for_change(conn, account, address, origin_of(request))
    response = see_other(request, "accounts.email")
    told = N_("We have sent a link to the new address. Until you open it, everything stays as it is.")
    flash(request, response, gettext(request[LANG], told), "info")
    return response


async def email_confirmation(request: web.Request) -> web.StreamResponse:
    """Where the link to the new address leads: GET asks, POST moves."""
    try:
        async with request.app[DB].read() as conn:
            token = request.match_info["token"]
            account, change = await service.change_to_confirm(conn, request.app[TOKENS], token)
        if request.method != "POST":
            template = "accounts/email_confirmation.html"
            return await render(request, template, account=account, change=change, headers=PRIVATE)
        async with request.app[DB].transaction() as conn:
            await service.confirm_change(conn, account, change, origin_of(request))
            for take_part in request.app.get(AT_NEW_EMAIL, ()):
                await take_part(conn, request, SignIn(account.id, account.tag, ()))
    except LinkInvalid as problem:
        return await _broken_link(request, "expired" if isinstance(problem, LinkExpired) else "invalid")
    except service.EmailTaken:
        return await _broken_link(request, "taken")
    response = see_other(request, "accounts.account")
    flash(request, response, gettext(request[LANG], N_("Your new e-mail address is confirmed.")))
    return response


async def _broken_link(request: web.Request, reason: str) -> web.StreamResponse:
    template = "accounts/broken_email_link.html"
    return await render(request, template, reason=reason, status=WRONG, headers=PRIVATE)
