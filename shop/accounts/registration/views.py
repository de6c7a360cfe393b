"""Registration, the mail again, activation."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from shop.accounts.models import PendingRegistration, UsernameTaken, identity_key
from shop.accounts.registration import service
from shop.accounts.registration.forms import ActivationForm, RegistrationForm, ResendForm
from shop.accounts.sign_in.views import complete_sign_in
from shop.accounts.views import PRIVATE, origin_of
from shop.i18n import N_, gettext
from shop.keys import DB, LANG, LIMITS, PASSWORDS, TOKENS
from shop.limits import Limit
from shop.tokens import LinkExpired, LinkInvalid
from shop.web.flash import flash
from shop.web.form_pages import WRONG, form_page, place_to_hash, too_many
from shop.web.peers import address_of, prefix_of
from shop.web.respond import render, see_other

PER_NETWORK: Final = Limit("register.network", 20, 3600)
EVERYBODY: Final = Limit("register.all", 1000, 300)
# Mails that strangers can make the shop send to one address.
PER_ADDRESS: Final = Limit("mail.address", 3, 6 * 3600)


async def register(request: web.Request) -> web.StreamResponse:
    """The registration form; sent well, it answers the same whether or not the e-mail address is known."""
    template = "accounts/register.html"
    if request.method != "POST":
        return await form_page(request, template, RegistrationForm.blank(request))
    with place_to_hash(request):
        return await _take_registration(request, template)


async def _take_registration(request: web.Request, template: str) -> web.StreamResponse:
    form = await RegistrationForm.read(request)
    if not form.validate():
        return await form_page(request, template, form, status=WRONG)
    network = (PER_NETWORK, prefix_of(address_of(request)))
    attempt = await request.app[LIMITS].take(network, (EVERYBODY, ""))
    mailing = await request.app[LIMITS].take((PER_ADDRESS, identity_key(form.email.data or "")))
    if not (attempt.is_allowed and mailing.is_allowed):
        return await too_many(request, template, form, mailing if attempt.is_allowed else attempt)
    try:
        await _register(request, form)
    except UsernameTaken:
        await request.app[LIMITS].give_back(mailing)
        form.wrong(form.username, N_("This user name is taken. Choose another."))
        return await form_page(request, template, form, status=WRONG)
    return see_other(request, "accounts.activation_mail")


async def activation_mail(request: web.Request) -> web.StreamResponse:
    """What to do after registering, and the activation mail once more for whom it did not reach."""
    template = "accounts/activation_mail.html"
    if request.method != "POST":
        return await form_page(request, template, ResendForm.blank(request))
    form = await ResendForm.read(request)
    if not form.validate():
        return await form_page(request, template, form, status=WRONG)
    network = (PER_NETWORK, prefix_of(address_of(request)))
    attempt = await request.app[LIMITS].take(network, (PER_ADDRESS, identity_key(form.email.data or "")))
    if not attempt.is_allowed:
        return await too_many(request, template, form, attempt)
    async with request.app[DB].transaction() as conn:
        await service.promise_activation_again(conn, form.email.data or "")
    response = see_other(request, "accounts.activation_mail")
    told = N_("If an account waits for this address, another mail is on its way.")
    flash(request, response, gettext(request[LANG], told), "info")
    return response


async def activation(request: web.Request) -> web.StreamResponse:
    """Where the link in the mail leads: GET asks, for mail scanners open every link; POST activates and signs in."""
    form = await ActivationForm.read(request) if request.method == "POST" else ActivationForm.blank(request)
    try:
        registration = await _registration_to_activate(request)
        if request.method != "POST":
            name = registration.username
            return await render(request, "accounts/activation.html", form=form, username=name, headers=PRIVATE)
        async with request.app[DB].transaction() as conn:
            account = await service.activate(conn, registration, origin_of(request))
    except LinkInvalid as problem:
        return await _broken_link(request, problem)
    response = await complete_sign_in(request, account, remember=False, viewed=form.viewed.data)
    flash(request, response, gettext(request[LANG], N_("Your account is open. Welcome!")))
    return response


async def _register(request: web.Request, form: RegistrationForm) -> None:
    # security: hashed before anything is asked, so that the answer takes as long for known addresses as for new ones
    password_hash = await request.app[PASSWORDS].hash(form.password.data or "")
    async with request.app[DB].transaction() as conn:
        await service.register(
            conn,
            username=form.username.data or "",
            email=form.email.data or "",
            password_hash=password_hash,
            language=request[LANG],
            origin=origin_of(request),
        )


async def _registration_to_activate(request: web.Request) -> PendingRegistration:
    async with request.app[DB].read() as conn:
        return await service.registration_to_activate(conn, request.app[TOKENS], request.match_info["token"])


async def _broken_link(request: web.Request, problem: LinkInvalid) -> web.StreamResponse:
    reason = "expired" if isinstance(problem, LinkExpired) else "invalid"
    if isinstance(problem, service.AlreadyActive):
        reason = "used"
    form = ResendForm.blank(request)
    return await render(request, "accounts/broken_link.html", form=form, reason=reason, status=WRONG, headers=PRIVATE)
