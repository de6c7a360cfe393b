"""Origins: the list, and one of them to be made, named anew, offered no more or removed."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from shop.backoffice.audit.queries import history_of
from shop.backoffice.goods.texts import gathered, spread
from shop.backoffice.origins import queries, service
from shop.backoffice.origins.forms import OriginForm
from shop.backoffice.versions import EditConflict
from shop.backoffice.views import actor_of, confirm_page, conflict_page, number_in
from shop.catalog.models import Origin
from shop.db import Connection
from shop.i18n import N_, gettext, text_in
from shop.keys import DB, LANG, URLS
from shop.web.flash import Kind, flash
from shop.web.form_pages import WRONG, form_page
from shop.web.respond import render, see_other

TEMPLATE = "backoffice/origins/origin.html"


async def origins(request: web.Request) -> web.StreamResponse:
    """All of them, with how many goods come from there."""
    async with request.app[DB].read() as conn:
        found, sizes = await queries.origins(conn), await queries.sizes_by_origin(conn)
    return await render(request, "backoffice/origins/list.html", origins=found, sizes=sizes)


async def new_origin(request: web.Request) -> web.StreamResponse:
    """A new one."""
    is_sent = request.method == "POST"
    form = await OriginForm.read(request) if is_sent else OriginForm.blank(request)
    if not is_sent or not await _is_right(request, form):
        return await form_page(request, TEMPLATE, form, status=WRONG if is_sent else 200, origin=None)
    actor = await actor_of(request)
    async with request.app[DB].transaction() as conn:
        await service.add(conn, actor, _values(form))
    return _done(request, N_("Saved."))


async def origin(request: web.Request) -> web.StreamResponse:
    """One of them; whoever saves second is shown both versions."""
    async with request.app[DB].read() as conn:
        found = await _asked_for(conn, request)
    is_sent = request.method == "POST"
    form = await OriginForm.read(request) if is_sent else OriginForm.blank(request, data=_shown(found))
    if not is_sent or not await _is_right(request, form, found):
        return await _page(request, found, form, status=WRONG if is_sent else 200)
    actor = await actor_of(request)
    try:
        async with request.app[DB].transaction() as conn:
            await service.change(conn, actor, found, form.edited, _values(form))
    except EditConflict:
        return await _conflict(request, form)
    return _done(request, N_("Saved."))


async def remove(request: web.Request) -> web.StreamResponse:
    """The end of one that no goods name."""
    async with request.app[DB].read() as conn:
        found = await _asked_for(conn, request)
    name, lang = text_in(found.name, request[LANG]), request[LANG]
    if request.method != "POST":
        return await confirm_page(
            request,
            title=gettext(lang, "Delete the origin %(name)s?", name=name),
            text=gettext(lang, "Only an origin from which no goods come can be deleted."),
            button=gettext(lang, "Delete"),
            back=_path(request, found),
        )
    actor = await actor_of(request)
    try:
        async with request.app[DB].transaction() as conn:
            await service.remove(conn, actor, found)
    except service.StillNamed:
        return _done(request, N_("Goods come from there, so it stays. You can offer it no more."), "error")
    return _done(request, N_("The origin is deleted."))


async def _is_right(request: web.Request, form: OriginForm, found: Origin | None = None) -> bool:
    if not form.validate():
        return False
    async with request.app[DB].read() as conn:
        is_known = await queries.is_known(conn, gathered(form.data, "name"), but=found.id if found else None)
    if is_known:
        form.wrong(form.name_en, N_("There is an origin of this name already."))
    return not is_known


async def _page(request: web.Request, found: Origin, form: OriginForm, *, status: int) -> web.StreamResponse:
    async with request.app[DB].read() as conn:
        history = await history_of(conn, f"origin:{found.id}")
    context: dict[str, Any] = {"origin": found, "history_entries": history}
    return await form_page(request, TEMPLATE, form, status=status, **context)


async def _conflict(request: web.Request, form: OriginForm) -> web.StreamResponse:
    async with request.app[DB].read() as conn:
        now = await _asked_for(conn, request)
    return await conflict_page(request, form, _shown(now), now.version, back=_path(request, now))


async def _asked_for(conn: Connection, request: web.Request) -> Origin:
    found = await queries.origin_by_id(conn, number_in(request))
    if found is None:
        raise web.HTTPNotFound
    return found


def _values(form: OriginForm) -> dict[str, Any]:
    return {"name": gathered(form.data, "name"), "is_offered": form.is_offered.data}


def _shown(found: Origin) -> dict[str, Any]:
    return {**spread(name=found.name), "is_offered": found.is_offered, "version": found.version}


def _path(request: web.Request, found: Origin) -> str:
    return request.app[URLS].path("backoffice.origins.origin", request[LANG], id=found.id)


def _done(request: web.Request, message: str, kind: Kind = "success") -> web.Response:
    response = see_other(request, "backoffice.origins")
    flash(request, response, gettext(request[LANG], message), kind)
    return response
