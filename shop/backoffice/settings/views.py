"""The settings on one page, and one at a time to be changed."""

from __future__ import annotations

from aiohttp import web

from shop.backoffice.audit.queries import history_of
from shop.backoffice.settings import service
from shop.backoffice.settings.forms import PauseForm, RecipientsForm
from shop.backoffice.views import actor_of
from shop.cart.pause import pause_of
from shop.i18n import N_, gettext
from shop.keys import DB, LANG, SETTINGS
from shop.orders.recipients import recipients_of
from shop.web.flash import flash
from shop.web.form_pages import WRONG, form_page
from shop.web.respond import render, see_other


async def settings(request: web.Request) -> web.StreamResponse:
    """What is set, and what it was."""
    async with request.app[DB].read() as conn:
        paused = await pause_of(conn)
        addresses = await recipients_of(conn, request.app[SETTINGS].order_mails)
        history = [*await history_of(conn, service.ORDERS), *await history_of(conn, service.RECIPIENTS)]
    history.sort(key=lambda entry: entry.id, reverse=True)
    return await render(
        request,
        "backoffice/settings/settings.html",
        pause=paused,
        addresses=addresses,
        history_entries=history,
    )


async def pause(request: web.Request) -> web.StreamResponse:
    """No orders for a while, with what customers read meanwhile."""
    is_sent = request.method == "POST"
    async with request.app[DB].read() as conn:
        told = await pause_of(conn) or {}
    data = {f"message_{lang}": text for lang, text in told.items()}
    form = await PauseForm.read(request) if is_sent else PauseForm.blank(request, data=data)
    if not is_sent or not form.validate():
        return await form_page(request, "backoffice/settings/pause.html", form, status=WRONG if is_sent else 200)
    actor = await actor_of(request)
    async with request.app[DB].transaction() as conn:
        await service.pause(conn, actor, form.message)
    return _done(request, N_("The shop takes no orders now."))


async def resume(request: web.Request) -> web.StreamResponse:
    """Orders are taken again."""
    actor = await actor_of(request)
    async with request.app[DB].transaction() as conn:
        await service.resume(conn, actor)
    return _done(request, N_("The shop takes orders."))


async def recipients(request: web.Request) -> web.StreamResponse:
    """Who is told of new orders."""
    configured = request.app[SETTINGS].order_mails
    is_sent = request.method == "POST"
    async with request.app[DB].read() as conn:
        data = {"addresses": "\n".join(await recipients_of(conn, configured))}
    form = await RecipientsForm.read(request) if is_sent else RecipientsForm.blank(request, data=data)
    if not is_sent or not form.validate():
        return await form_page(request, "backoffice/settings/recipients.html", form, status=WRONG if is_sent else 200)
    actor = await actor_of(request)
    async with request.app[DB].transaction() as conn:
        await service.change_recipients(conn, actor, form.wanted, configured)
    return _done(request, N_("Saved."))


def _done(request: web.Request, message: str) -> web.Response:
    response = see_other(request, "backoffice.settings")
    flash(request, response, gettext(request[LANG], message))
    return response
