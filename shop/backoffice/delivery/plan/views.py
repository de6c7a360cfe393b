"""The week of a zone, and the coming windows with how full they are."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web

from shop.backoffice.delivery.plan import service
from shop.backoffice.delivery.plan.forms import WEEKDAYS, CapacityForm, PlanForm
from shop.backoffice.delivery.views import zone_asked_for
from shop.backoffice.versions import EditConflict
from shop.backoffice.views import actor_of, conflict_page, number_in
from shop.db import Connection, UniqueViolation
from shop.delivery.models import PlannedWindow, Window, Zone
from shop.i18n import N_, gettext, ngettext
from shop.keys import DB, LANG, SETTINGS, URLS
from shop.web.flash import flash
from shop.web.form_pages import WRONG, form_page
from shop.web.respond import render, see_other

TWICE = N_("The plan has these hours already.")


async def plan(request: web.Request) -> web.StreamResponse:
    """The week of a zone, and another entry."""
    async with request.app[DB].read() as conn:
        found = await zone_asked_for(conn, request)
    is_sent = request.method == "POST"
    form = await PlanForm.read(request) if is_sent else PlanForm.blank(request)
    if not is_sent or not form.validate():
        return await _plan_page(request, found, form, status=WRONG if is_sent else 200)
    actor = await actor_of(request)
    try:
        async with request.app[DB].transaction() as conn:
            await service.add(conn, actor, found.id, form.values, *_today(request))
    except UniqueViolation:
        form.wrong(form.starts, TWICE)
        return await _plan_page(request, found, form, status=WRONG)
    return _back_to(request, "backoffice.delivery.plan", found.id)


async def planned(request: web.Request) -> web.StreamResponse:
    """One entry; windows that nobody has taken follow it."""
    async with request.app[DB].read() as conn:
        found = await _asked_for(conn, request)
    is_sent = request.method == "POST"
    values = {**_values_of(found), "version": found.version}
    form = await PlanForm.read(request) if is_sent else PlanForm.blank(request, data=values)
    if not is_sent or not form.validate():
        return await _entry_page(request, found, form, status=WRONG if is_sent else 200)
    actor = await actor_of(request)
    try:
        async with request.app[DB].transaction() as conn:
            await service.change(conn, actor, found, form.edited, form.values, *_today(request))
    except EditConflict:
        async with request.app[DB].read() as conn:
            now = await _asked_for(conn, request)
        back = request.app[URLS].path("backoffice.delivery.planned", request[LANG], id=now.id)
        return await conflict_page(request, form, _values_of(now), now.version, back=back)
    except UniqueViolation:
        form.wrong(form.starts, TWICE)
        return await _entry_page(request, found, form, status=WRONG)
    return _back_to(request, "backoffice.delivery.plan", found.zone_id)


async def remove(request: web.Request) -> web.StreamResponse:
    """The end of an entry."""
    actor = await actor_of(request)
    async with request.app[DB].transaction() as conn:
        found = await _asked_for(conn, request)
        await service.remove(conn, actor, found, *_today(request))
    return _back_to(request, "backoffice.delivery.plan", found.zone_id)


async def windows(request: web.Request) -> web.StreamResponse:
    """The coming ones, and how many orders each has."""
    async with request.app[DB].read() as conn:
        found = await zone_asked_for(conn, request)
        rows = await service.coming_windows(conn, found.id)
    return await render(request, "backoffice/delivery/windows.html", zone=found, windows=rows)


async def set_capacity(request: web.Request) -> web.StreamResponse:
    """Room for more or fewer orders in one window."""
    async with request.app[DB].read() as conn:
        found = await Window.objects.using(conn).filter(id=number_in(request)).first()
    if found is None:
        raise web.HTTPNotFound
    form = await CapacityForm.read(request)
    if not form.validate() or form.capacity.data is None or form.seen.data is None:
        message = str(form.capacity.errors[0]) if form.capacity.errors else gettext(request[LANG], "Enter a number.")
        return _back_to(request, "backoffice.delivery.windows", found.zone_id, message)
    actor = await actor_of(request)
    try:
        async with request.app[DB].transaction() as conn:
            await service.set_capacity(conn, actor, found.id, form.capacity.data, form.seen.data)
    except service.RoomChanged as problem:
        message = gettext(
            request[LANG],
            "Somebody else has set the room to %(room)s meanwhile. Nothing was changed.",
            room=problem.args[0],
        )
        return _back_to(request, "backoffice.delivery.windows", found.zone_id, message)
    except service.TooFull as problem:
        message = ngettext(
            request[LANG],
            "%(num)s order has taken it already.",
            "%(num)s orders have taken it already.",
            problem.args[0],
        )
        return _back_to(request, "backoffice.delivery.windows", found.zone_id, message)
    return _back_to(request, "backoffice.delivery.windows", found.zone_id)


async def _plan_page(request: web.Request, found: Zone, form: PlanForm, *, status: int = 200) -> web.StreamResponse:
    async with request.app[DB].read() as conn:
        entries = await service.plan_of(conn, found.id)
    days = {number: gettext(request[LANG], name) for number, name in WEEKDAYS.items()}
    context: dict[str, Any] = {"zone": found, "entries": entries, "days": days}
    return await form_page(request, "backoffice/delivery/plan.html", form, status=status, **context)


async def _entry_page(
    request: web.Request, found: PlannedWindow, form: PlanForm, *, status: int = 200
) -> web.StreamResponse:
    return await form_page(request, "backoffice/delivery/planned.html", form, status=status, entry=found)


async def _asked_for(conn: Connection, request: web.Request) -> PlannedWindow:
    found = await PlannedWindow.objects.using(conn).filter(id=number_in(request)).first()
    if found is None:
        raise web.HTTPNotFound
    return found


def _values_of(entry: PlannedWindow) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in service.NAMES}


def _back_to(request: web.Request, page: str, zone_id: int, wrong: str = "") -> web.Response:
    response = see_other(request, page, id=zone_id)
    flash(request, response, wrong or gettext(request[LANG], "Saved."), "error" if wrong else "success")
    return response


def _today(request: web.Request) -> tuple[date, ZoneInfo]:
    """The day it is in the shop, and the shop's time zone."""
    timezone = request.app[SETTINGS].timezone
    return datetime.now(timezone).date(), timezone
