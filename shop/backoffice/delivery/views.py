"""Zones in their order, one of them to be changed, and what belongs to it."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from shop.backoffice.audit.queries import history_of
from shop.backoffice.content.forms import wanted_order
from shop.backoffice.delivery import service
from shop.backoffice.delivery.forms import KINDS, AreaForm, ZoneForm, values_of
from shop.backoffice.versions import EditConflict
from shop.backoffice.views import actor_of, conflict_page, number_in
from shop.db import Connection, UniqueViolation
from shop.delivery.models import Area, Zone
from shop.i18n import N_, gettext
from shop.keys import DB, LANG, URLS
from shop.web.flash import flash
from shop.web.form_pages import WRONG, form_page
from shop.web.respond import render, see_other

TEMPLATE = "backoffice/delivery/zone.html"


async def zones(request: web.Request) -> web.StreamResponse:
    """All of them, also those that cannot be chosen."""
    async with request.app[DB].read() as conn:
        found = await service.every_zone(conn)
    kinds = {kind: gettext(request[LANG], word) for kind, word in KINDS.items()}
    return await render(request, "backoffice/delivery/list.html", zones=found, kinds=kinds)


async def arrange(request: web.Request) -> web.StreamResponse:
    """The zones as they were dragged, or one of them a place up or down."""
    order, actor = await wanted_order(request), await actor_of(request)
    async with request.app[DB].transaction() as conn:
        await service.arrange(conn, actor, order)
    return _done(request, "backoffice.delivery")


async def new_zone(request: web.Request) -> web.StreamResponse:
    """Another zone; areas and plan come next."""
    is_sent = request.method == "POST"
    form = await ZoneForm.read(request) if is_sent else ZoneForm.blank(request)
    if not is_sent or not form.validate():
        return await _zone_page(request, None, form, status=WRONG if is_sent else 200)
    actor = await actor_of(request)
    async with request.app[DB].transaction() as conn:
        made = await service.create(conn, actor, form.kind.data, form.values)
    return _done(request, "backoffice.delivery.zone", id=made)


async def zone(request: web.Request) -> web.StreamResponse:
    """One of them; whoever saves second is shown both versions."""
    async with request.app[DB].read() as conn:
        found = await zone_asked_for(conn, request)
    is_sent = request.method == "POST"
    values = {**values_of(found), "version": found.version}
    form = await ZoneForm.read(request) if is_sent else ZoneForm.blank(request, data=values)
    if not is_sent or not form.validate():
        return await _zone_page(request, found, form, status=WRONG if is_sent else 200)
    actor = await actor_of(request)
    try:
        async with request.app[DB].transaction() as conn:
            await service.change(conn, actor, found, form.edited, form.values)
    except EditConflict:
        async with request.app[DB].read() as conn:
            now = await zone_asked_for(conn, request)
        back = request.app[URLS].path("backoffice.delivery.zone", request[LANG], id=now.id)
        theirs = {name: value for name, value in values_of(now).items() if name != "kind"}
        return await conflict_page(request, form, theirs, now.version, back=back)
    return _done(request, "backoffice.delivery.zone", id=found.id)


async def areas(request: web.Request) -> web.StreamResponse:
    """What belongs to a zone, and something more."""
    async with request.app[DB].read() as conn:
        found = await zone_asked_for(conn, request)
    is_sent = request.method == "POST"
    form = await AreaForm.read(request) if is_sent else AreaForm.blank(request)
    if not is_sent or not form.validate():
        return await _areas_page(request, found, form, status=WRONG if is_sent else 200)
    actor = await actor_of(request)
    try:
        async with request.app[DB].transaction() as conn:
            await service.add_area(conn, actor, found, form.values)
    except UniqueViolation:
        form.wrong(form.city, N_("This area belongs to a zone already."))
        return await _areas_page(request, found, form, status=WRONG)
    return _done(request, "backoffice.delivery.areas", id=found.id)


async def remove_area(request: web.Request) -> web.StreamResponse:
    """An area that is not served any more."""
    actor = await actor_of(request)
    async with request.app[DB].transaction() as conn:
        found = await Area.objects.using(conn).filter(id=number_in(request)).first()
        if found is None:
            raise web.HTTPNotFound
        await service.remove_area(conn, actor, found)
    return _done(request, "backoffice.delivery.areas", id=found.zone_id)


async def zone_asked_for(conn: Connection, request: web.Request) -> Zone:
    """The zone of the path."""
    found = await Zone.objects.using(conn).filter(id=number_in(request)).first()
    if found is None:
        raise web.HTTPNotFound
    return found


async def _zone_page(
    request: web.Request, found: Zone | None, form: ZoneForm, *, status: int = 200
) -> web.StreamResponse:
    history = []
    if found is not None:
        async with request.app[DB].read() as conn:
            history = await history_of(conn, f"zone:{found.id}")
    context: dict[str, Any] = {"zone": found, "history_entries": history}
    return await form_page(request, TEMPLATE, form, status=status, **context)


async def _areas_page(request: web.Request, found: Zone, form: AreaForm, *, status: int = 200) -> web.StreamResponse:
    async with request.app[DB].read() as conn:
        rows = await service.areas_of(conn, found.id)
    context: dict[str, Any] = {"zone": found, "areas": rows}
    return await form_page(request, "backoffice/delivery/areas.html", form, status=status, **context)


def _done(request: web.Request, page: str, **values: Any) -> web.Response:
    response = see_other(request, page, **values)
    flash(request, response, gettext(request[LANG], N_("Saved.")))
    return response
