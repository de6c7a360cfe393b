"""The mail room: lists by state, one mail with what it says, and another try."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from shop.backoffice.mails import queries, service
from shop.backoffice.mails.forms import MAIL_WORDS, MailsForm
from shop.backoffice.mails.previews import preview
from shop.backoffice.views import PAGE_SIZE, actor_of, after_of, chosen_in, number_in
from shop.db import Connection
from shop.i18n import N_, gettext
from shop.keys import DB, LANG, SETTINGS
from shop.mailroom.models import KEPT, SentMail
from shop.outbox import Outbox
from shop.web.flash import flash
from shop.web.respond import render, see_other


async def mails(request: web.Request) -> web.StreamResponse:
    """Those that wait, were given up, or were sent; newest first."""
    form, after = MailsForm.of(request), after_of(request)
    state = form.state.data or "open"
    page: Any
    async with request.app[DB].read() as conn:
        if state == "sent":
            page = await queries.sent_mails(conn, PAGE_SIZE, after=after)
        else:
            page = await queries.open_mails(conn, PAGE_SIZE, only_dead=state == "dead", after=after)
        customers = await queries.customers_of(conn, page.items)
    context: dict[str, Any] = {"form": form, "page": page, "chosen": chosen_in(form), "is_sent": state == "sent"}
    context["customers"] = customers
    return await render(request, "backoffice/mails/list.html", mail_words=MAIL_WORDS, **context)


async def mail(request: web.Request) -> web.StreamResponse:
    """A mail that is not sent yet: its tries, why it failed, and what it would say."""
    async with request.app[DB].read() as conn:
        found = await _asked_for(conn, request)
        return await _mail_page(request, conn, found, is_sent=False)


async def sent(request: web.Request) -> web.StreamResponse:
    """A mail that left."""
    async with request.app[DB].read() as conn:
        found = await SentMail.objects.using(conn).filter(id=number_in(request)).first()
        if found is None:
            raise web.HTTPNotFound
        return await _mail_page(request, conn, found, is_sent=True)


async def resend(request: web.Request) -> web.StreamResponse:
    """Another ten tries for a mail that was given up."""
    actor = await actor_of(request)
    async with request.app[DB].transaction() as conn:
        is_done = await service.resend(conn, actor, await _asked_for(conn, request))
    told = N_("It is tried again now.") if is_done else N_("It was not given up, so nothing was changed.")
    response = see_other(request, "backoffice.mails", {"state": "dead"})
    flash(request, response, gettext(request[LANG], told), "success" if is_done else "error")
    return response


async def _mail_page(
    request: web.Request, conn: Connection, found: Outbox | SentMail, *, is_sent: bool
) -> web.StreamResponse:
    context: dict[str, Any] = {
        "mail": found,
        "told": _parameters(found.args),
        "preview": await preview(conn, request.app[SETTINGS], found.task, found.args),
        "is_sent": is_sent,
        "customers": await queries.customers_of(conn, [found]),
    }
    return await render(request, "backoffice/mails/mail.html", mail_words=MAIL_WORDS, **context)


def _parameters(args: Mapping[str, Any]) -> dict[str, Any]:
    """What may be shown of the parameters: no addresses."""
    return {name: value for name, value in args.items() if name in KEPT and value is not None}


async def _asked_for(conn: Connection, request: web.Request) -> Outbox:
    found = await queries.mail_by_id(conn, number_in(request))
    if found is None:
        raise web.HTTPNotFound
    return found
