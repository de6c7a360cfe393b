"""Roles: a list, and one of them to be changed."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from shop.backoffice.audit.queries import history_of
from shop.backoffice.roles import queries, service
from shop.backoffice.roles.forms import PERMISSIONS, RoleForm
from shop.backoffice.roles.models import LastOwner, Role
from shop.backoffice.versions import EditConflict
from shop.backoffice.views import actor_of, confirm_page, conflict_page, number_in
from shop.db import Connection
from shop.i18n import N_, gettext, text_in
from shop.keys import DB, LANG, URLS
from shop.web.flash import flash
from shop.web.form_pages import WRONG, form_page
from shop.web.respond import render, see_other

TEMPLATE = "backoffice/roles/role.html"


async def roles(request: web.Request) -> web.StreamResponse:
    """Every role, what it may do and how many have it."""
    async with request.app[DB].read() as conn:
        found = await queries.roles(conn)
        people = await queries.people_by_role(conn)
    short = {
        code: gettext(request[LANG], label).partition(":")[0].partition("：")[0] for code, label in PERMISSIONS.items()
    }
    return await render(request, "backoffice/roles/list.html", roles=found, people=people, short=short)


async def new_role(request: web.Request) -> web.StreamResponse:
    """A role of one's own making."""
    is_sent = request.method == "POST"
    form = await RoleForm.read(request) if is_sent else RoleForm.blank(request)
    if not is_sent or not form.validate():
        return await form_page(request, TEMPLATE, form, status=WRONG if is_sent else 200, role=None, history_entries=[])
    actor = await actor_of(request)
    async with request.app[DB].transaction() as conn:
        await service.add(conn, actor, _names(form), form.permissions.data or [])
    return _done(request, N_("Saved."))


async def role(request: web.Request) -> web.StreamResponse:
    """One role; whoever saves second is shown both versions."""
    async with request.app[DB].read() as conn:
        found = await _asked_for(conn, request)
    if request.method != "POST":
        return await _role_page(request, found, RoleForm.blank(request, data=_values(found)))
    form = await RoleForm.read(request)
    if not form.validate():
        return await _role_page(request, found, form, status=WRONG)
    return await _save(request, found, form)


async def remove(request: web.Request) -> web.StreamResponse:
    """The end of a role that nobody has."""
    async with request.app[DB].read() as conn:
        found = await _asked_for(conn, request)
    back = request.app[URLS].path("backoffice.roles.role", request[LANG], id=found.id)
    if request.method != "POST":
        name = text_in(found.names, request[LANG])
        return await confirm_page(
            request,
            title=gettext(request[LANG], "Delete the role %(name)s?", name=name),
            text=gettext(request[LANG], "Only a role that nobody has can be deleted."),
            button=gettext(request[LANG], "Delete"),
            back=back,
        )
    actor = await actor_of(request)
    try:
        async with request.app[DB].transaction() as conn:
            await service.remove(conn, actor, found)
    except service.RoleInUse:
        return _done(request, N_("Some of the staff have this role, so it stays."), "error")
    return _done(request, N_("The role is deleted."))


async def _save(request: web.Request, found: Role, form: RoleForm) -> web.StreamResponse:
    actor = await actor_of(request)
    told: dict[str, Any] = {"names": _names(form), "permissions": form.permissions.data or []}
    try:
        async with request.app[DB].transaction() as conn:
            await service.change(conn, actor, found, version=form.edited, **told)
    except EditConflict:
        async with request.app[DB].read() as conn:
            now = await _asked_for(conn, request)
        back = request.app[URLS].path("backoffice.roles.role", request[LANG], id=now.id)
        return await conflict_page(request, form, _values(now), now.version, back=back)
    except LastOwner:
        form.wrong(form.permissions, N_("Somebody has to be left who may manage the staff."))
        return await _role_page(request, found, form, status=WRONG)
    return _done(request, N_("Saved."))


async def _role_page(request: web.Request, found: Role, form: RoleForm, *, status: int = 200) -> web.StreamResponse:
    async with request.app[DB].read() as conn:
        history = await history_of(conn, f"role:{found.id}")
    return await form_page(request, TEMPLATE, form, status=status, role=found, history_entries=history)


async def _asked_for(conn: Connection, request: web.Request) -> Role:
    found = await queries.role_by_id(conn, number_in(request))
    if found is None:
        raise web.HTTPNotFound
    return found


def _names(form: RoleForm) -> dict[str, str]:
    return {"en": form.name_en.data or "", "zh": form.name_zh.data or ""}


def _values(found: Role) -> dict[str, Any]:
    return {
        "name_en": found.names.get("en", ""),
        "name_zh": found.names.get("zh", ""),
        "permissions": found.permissions,
        "version": found.version,
    }


def _done(request: web.Request, message: str, kind: Any = "success") -> web.Response:
    response = see_other(request, "backoffice.roles")
    flash(request, response, gettext(request[LANG], message), kind)
    return response
