"""Cart rules: the list in the order in which they apply, and one of them to be made or changed."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from shop.backoffice.audit.queries import history_of
from shop.backoffice.rules import queries, service
from shop.backoffice.rules.forms import RuleForm, values_of
from shop.backoffice.versions import EditConflict
from shop.backoffice.views import actor_of, confirm_page, conflict_page, number_in
from shop.coupons.models import CartRule
from shop.db import Connection
from shop.i18n import N_, gettext, text_in
from shop.keys import DB, LANG, URLS
from shop.web.flash import flash
from shop.web.form_pages import WRONG, form_page
from shop.web.respond import render, see_other

TEMPLATE = "backoffice/rules/rule.html"


async def rules(request: web.Request) -> web.StreamResponse:
    """All of them."""
    async with request.app[DB].read() as conn:
        found = await queries.rules(conn)
        names = await queries.category_names(conn, request[LANG])
    return await render(request, "backoffice/rules/list.html", rules=found, names=names)


async def new_rule(request: web.Request) -> web.StreamResponse:
    """A new one."""
    is_sent = request.method == "POST"
    form = await _form(request, sent=is_sent)
    values = await _checked(request, form) if is_sent else None
    if values is None:
        return await form_page(request, TEMPLATE, form, status=WRONG if is_sent else 200, rule=None, history_entries=[])
    actor = await actor_of(request)
    async with request.app[DB].transaction() as conn:
        await service.add(conn, actor, values)
    return _done(request, N_("Saved."))


async def rule(request: web.Request) -> web.StreamResponse:
    """One of them; whoever saves second is shown both versions."""
    async with request.app[DB].read() as conn:
        found = await _asked_for(conn, request)
        codes = await queries.codes_of(conn, found.sku_ids)
        history = await history_of(conn, f"rule:{found.id}")
    is_sent = request.method == "POST"
    form = await _form(request, sent=is_sent, data=values_of(found, codes))
    values = await _checked(request, form) if is_sent else None
    if values is None:
        status = WRONG if is_sent else 200
        return await form_page(request, TEMPLATE, form, status=status, rule=found, history_entries=history)
    return await _save(request, found, form, values)


async def remove(request: web.Request) -> web.StreamResponse:
    """The end of a rule."""
    async with request.app[DB].read() as conn:
        found = await _asked_for(conn, request)
    if request.method != "POST":
        name = text_in(found.name, request[LANG])
        return await confirm_page(
            request,
            title=gettext(request[LANG], "Delete the cart rule %(name)s?", name=name),
            text=gettext(request[LANG], "Baskets no longer count with it; orders keep what it took off."),
            button=gettext(request[LANG], "Delete"),
            back=_path(request, found),
        )
    actor = await actor_of(request)
    async with request.app[DB].transaction() as conn:
        await service.remove(conn, actor, found)
    return _done(request, N_("The cart rule is deleted."))


async def _save(request: web.Request, found: CartRule, form: RuleForm, values: dict[str, Any]) -> web.StreamResponse:
    actor = await actor_of(request)
    try:
        async with request.app[DB].transaction() as conn:
            await service.change(conn, actor, found, form.edited, values)
    except EditConflict:
        async with request.app[DB].read() as conn:
            now = await _asked_for(conn, request)
            codes = await queries.codes_of(conn, now.sku_ids)
        return await conflict_page(request, form, values_of(now, codes), now.version, back=_path(request, now))
    return _done(request, N_("Saved."))


async def _form(request: web.Request, *, sent: bool, data: dict[str, Any] | None = None) -> RuleForm:
    form = await RuleForm.read(request) if sent else RuleForm.blank(request, data=data)
    async with request.app[DB].read() as conn:
        names = await queries.category_names(conn, request[LANG])
    form.category.choices = {"": gettext(request[LANG], "No category"), **{str(n): name for n, name in names.items()}}
    return form


async def _checked(request: web.Request, form: RuleForm) -> dict[str, Any] | None:
    """What is to be saved; None where the form says what is wrong."""
    if not form.validate():
        return None
    async with request.app[DB].read() as conn:
        known = await queries.skus_by_code(conn, form.wanted_codes)
    if unknown := [code for code in form.wanted_codes if code not in known]:
        form.wrong(form.codes, N_("There are no goods with the code %(code)s."), code=unknown[0])
        return None
    if bool(form.category.data) == bool(known):
        form.wrong(form.category, N_("Choose a category or name codes, one of the two."))
        return None
    category_id = int(form.category.data) if form.category.data else None
    return {**form.values, "category_id": category_id, "sku_ids": sorted(known.values())}


async def _asked_for(conn: Connection, request: web.Request) -> CartRule:
    found = await queries.rule_by_id(conn, number_in(request))
    if found is None:
        raise web.HTTPNotFound
    return found


def _path(request: web.Request, found: CartRule) -> str:
    return request.app[URLS].path("backoffice.rules.rule", request[LANG], id=found.id)


def _done(request: web.Request, message: str) -> web.Response:
    response = see_other(request, "backoffice.rules")
    flash(request, response, gettext(request[LANG], message))
    return response
