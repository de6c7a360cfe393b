"""The settings on one page, and one at a time to be changed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from aiohttp import web

from shop.backoffice.audit.models import Actor
from shop.backoffice.audit.queries import history_of
from shop.backoffice.forms import VersionedForm
from shop.backoffice.settings import service
from shop.backoffice.settings.demo.service import OBJECT as DEMO
from shop.backoffice.settings.demo.service import is_demo
from shop.backoffice.settings.forms import PauseForm, RecipientsForm
from shop.backoffice.versions import EditConflict
from shop.backoffice.views import actor_of, conflict_page
from shop.cart.pause import PAUSE
from shop.db import Connection
from shop.facts import facts
from shop.i18n import N_, gettext
from shop.keys import DB, LANG, SETTINGS, URLS
from shop.orders.methods import METHODS, offer_of
from shop.orders.recipients import RECIPIENTS, recipients_of
from shop.profile import IDENTITY, LOGO, SENDER, profile_of
from shop.web.flash import flash
from shop.web.form_pages import WRONG, form_page
from shop.web.respond import render, see_other

F = TypeVar("F", bound=VersionedForm)
# What stands in a form, its version among it.
Load = Callable[[Connection], Awaitable[dict[str, Any]]]
TOLD = (IDENTITY, LOGO, SENDER, METHODS, PAUSE, RECIPIENTS)
LATEST = 20


async def settings(request: web.Request) -> web.StreamResponse:
    """What is set, and what it was."""
    configured = request.app[SETTINGS]
    async with request.app[DB].read() as conn:
        stated = await facts(conn, [PAUSE])
        context: dict[str, Any] = {
            "pause": stated[PAUSE].value if PAUSE in stated else None,
            "profile": await profile_of(conn, configured),
            "addresses": await recipients_of(conn, configured.order_mails),
            "is_demo": await is_demo(conn),
            "offer": await offer_of(conn, configured.payment_methods, configured.cash_ceiling),
        }
        objects = [*(service.object_of(key) for key in TOLD), DEMO]
        history = [entry for one in objects for entry in await history_of(conn, one)]
    history.sort(key=lambda entry: entry.id, reverse=True)
    return await render(request, "backoffice/settings/settings.html", history_entries=history[:LATEST], **context)


async def pause(request: web.Request) -> web.StreamResponse:
    """No orders for a while, with what customers read meanwhile."""

    async def load(conn: Connection) -> dict[str, Any]:
        stated = (await facts(conn, [PAUSE])).get(PAUSE)
        told = {f"message_{lang}": text for lang, text in (stated.value if stated else {}).items()}
        return {**told, "version": service.version_of(stated)}

    async def save(conn: Connection, actor: Actor, form: PauseForm) -> None:
        await service.pause(conn, actor, form.edited, form.message)

    return await edited(request, PauseForm, "pause", load, save, N_("The shop takes no orders now."))


async def resume(request: web.Request) -> web.StreamResponse:
    """Orders are taken again."""
    actor = await actor_of(request)
    async with request.app[DB].transaction() as conn:
        await service.resume(conn, actor)
    return done(request, N_("The shop takes orders."))


async def recipients(request: web.Request) -> web.StreamResponse:
    """Who is told of new orders."""
    configured = request.app[SETTINGS].order_mails

    async def load(conn: Connection) -> dict[str, Any]:
        stated = (await facts(conn, [RECIPIENTS])).get(RECIPIENTS)
        addresses = stated.value["to"] if stated else configured
        return {"addresses": "\n".join(addresses), "version": service.version_of(stated)}

    async def save(conn: Connection, actor: Actor, form: RecipientsForm) -> None:
        await service.change_recipients(conn, actor, form.edited, form.wanted, configured)

    return await edited(request, RecipientsForm, "recipients", load, save, N_("Saved."))


async def edited(
    request: web.Request,
    kind: type[F],
    page: str,
    load: Load,
    save: Callable[[Connection, Actor, F], Awaitable[None]],
    message: str,
    *,
    fits: Callable[[F], bool] = lambda _: True,
    **context: Any,
) -> web.StreamResponse:
    """A settings page, or what comes of its form; whoever saves second is shown both versions. `save` may raise EditConflict.

    `fits` is asked once every field is valid, and says on the form what is wrong.
    """
    is_sent = request.method == "POST"
    async with request.app[DB].read() as conn:
        data = await load(conn)
    form = await kind.read(request) if is_sent else kind.blank(request, data=data)
    if not is_sent or not (form.validate() and fits(form)):
        template = f"backoffice/settings/{page}.html"
        return await form_page(request, template, form, status=WRONG if is_sent else 200, **context)
    actor = await actor_of(request)
    try:
        async with request.app[DB].transaction() as conn:
            await save(conn, actor, form)
    except EditConflict:
        async with request.app[DB].read() as conn:
            now = await load(conn)
        back = request.app[URLS].path("backoffice.settings", request[LANG])
        # What was taken back stands nowhere: then the fields are empty.
        theirs = {field.short_name: now.get(field.short_name) for field in form if field.short_name != "version"}
        return await conflict_page(request, form, theirs, now["version"], back=back)
    return done(request, message)


def done(request: web.Request, message: str, kind: Any = "success") -> web.Response:
    """Back to the settings, with what came of it."""
    response = see_other(request, "backoffice.settings")
    flash(request, response, gettext(request[LANG], message), kind)
    return response
