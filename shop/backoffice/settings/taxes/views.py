"""The classes of tax on one page, and one of them to be changed."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from shop.backoffice.audit.queries import history_of
from shop.backoffice.settings.taxes import service
from shop.backoffice.settings.taxes.forms import TaxClassForm, can_be_removed, percent, values_of
from shop.backoffice.versions import EditConflict
from shop.backoffice.views import actor_of, confirm_page, conflict_page
from shop.catalog.taxes.models import TaxClass, rate_of
from shop.catalog.taxes.queries import classes_in_use, tax_classes
from shop.db import Connection
from shop.i18n import N_, gettext, text_in
from shop.keys import DB, LANG, SETTINGS, URLS
from shop.web.flash import flash
from shop.web.form_pages import WRONG, form_page
from shop.web.respond import render, see_other

TEMPLATE = "backoffice/settings/tax.html"


async def taxes(request: web.Request) -> web.StreamResponse:
    """All classes with the rates that count today."""
    configured = request.app[SETTINGS].tax_rates
    async with request.app[DB].read() as conn:
        found, in_use = await tax_classes(conn), await classes_in_use(conn)
    rates = {one.code: percent(rate_of(one.rate, one.code, configured)) for one in found}
    return await render(request, "backoffice/settings/taxes.html", classes=found, rates=rates, in_use=in_use)


async def new_tax(request: web.Request) -> web.StreamResponse:
    """Another class."""
    is_sent = request.method == "POST"
    form = await TaxClassForm.read(request) if is_sent else TaxClassForm.blank(request)
    if not is_sent or not (form.validate() and form.fits("")):
        return await _tax_page(request, None, form, status=WRONG if is_sent else 200)
    actor = await actor_of(request)
    try:
        async with request.app[DB].transaction() as conn:
            await service.create(conn, actor, form.code.data or "", form.values)
    except service.CodeTaken:
        form.wrong(form.code, N_("There is a tax class of this code."))
        return await _tax_page(request, None, form, status=WRONG)
    return _done(request, N_("Saved."))


async def tax(request: web.Request) -> web.StreamResponse:
    """One of them; whoever saves second is shown both versions."""
    async with request.app[DB].read() as conn:
        found = await _asked_for(conn, request)
    is_sent = request.method == "POST"
    data = {**values_of(found), "version": found.version}
    form = await TaxClassForm.read(request) if is_sent else TaxClassForm.blank(request, data=data)
    form.code.data = found.code
    if not is_sent or not (form.validate() and form.fits(found.code)):
        return await _tax_page(request, found, form, status=WRONG if is_sent else 200)
    actor = await actor_of(request)
    try:
        async with request.app[DB].transaction() as conn:
            await service.change(conn, actor, found, form.edited, form.values)
    except EditConflict:
        async with request.app[DB].read() as conn:
            now = await _asked_for(conn, request)
        back = request.app[URLS].path("backoffice.settings.taxes", request[LANG])
        theirs = {name: value for name, value in values_of(now).items() if name != "code"}
        return await conflict_page(request, form, theirs, now.version, back=back)
    return _done(request, N_("Saved."))


async def remove_tax(request: web.Request) -> web.StreamResponse:
    """The end of a class that no goods have."""
    async with request.app[DB].read() as conn:
        found = await _asked_for(conn, request)
    if not can_be_removed(found):
        return _done(request, N_("The shop cannot do without this tax class."), "error")
    if request.method != "POST":
        lang = request[LANG]
        return await confirm_page(
            request,
            title=gettext(lang, "Delete the tax class %(name)s?", name=text_in(found.name, lang)),
            text=gettext(
                lang, "Only a tax class that no goods have can be deleted. Orders keep the rate of their day."
            ),
            button=gettext(lang, "Delete"),
            back=request.app[URLS].path("backoffice.settings.taxes", lang),
        )
    actor = await actor_of(request)
    try:
        async with request.app[DB].transaction() as conn:
            await service.remove(conn, actor, found)
    except service.ClassInUse:
        message = N_("Some goods have this tax class, so it stays. It can be kept from being chosen instead.")
        return _done(request, message, "error")
    return _done(request, N_("Deleted."))


async def _asked_for(conn: Connection, request: web.Request) -> TaxClass:
    found = await TaxClass.objects.using(conn).filter(code=request.match_info["code"]).first()
    if found is None:
        raise web.HTTPNotFound
    return found


async def _tax_page(
    request: web.Request, found: TaxClass | None, form: TaxClassForm, *, status: int = 200
) -> web.StreamResponse:
    context: dict[str, Any] = {"tax": found, "history_entries": [], "default": None}
    if found is not None:
        async with request.app[DB].read() as conn:
            context["history_entries"] = await history_of(conn, f"tax:{found.code}")
        context["default"] = percent(request.app[SETTINGS].tax_rates.get(found.code)) or None
        context["can_be_removed"] = can_be_removed(found)
    return await form_page(request, TEMPLATE, form, status=status, **context)


def _done(request: web.Request, message: str, kind: Any = "success") -> web.Response:
    response = see_other(request, "backoffice.settings.taxes")
    flash(request, response, gettext(request[LANG], message), kind)
    return response
