"""The staff: a list, an invitation, one of them."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from shop.backoffice.audit.queries import history_of
from shop.backoffice.roles.models import LastOwner
from shop.backoffice.roles.queries import roles
from shop.backoffice.staff import queries, service
from shop.backoffice.staff.forms import InvitationForm, MemberForm, StaffListForm
from shop.backoffice.staff.models import StaffMember
from shop.backoffice.versions import EditConflict
from shop.backoffice.views import PAGE_SIZE, actor_of, after_of, chosen_in, confirm_page, conflict_page, number_in
from shop.db import Connection
from shop.i18n import N_, gettext, text_in
from shop.keys import DB, LANG, URLS
from shop.web.flash import flash
from shop.web.form_pages import WRONG, form_page
from shop.web.forms import Form
from shop.web.respond import render, see_other

LAST_ONE = N_("Somebody has to be left who may manage the staff.")


async def members(request: web.Request) -> web.StreamResponse:
    """Everybody who works here, narrowed by words, state and role."""
    form = StaffListForm.of(request)
    async with request.app[DB].read() as conn:
        form.role.choices = {"": gettext(request[LANG], "All"), **await _roles(conn, request, by="code")}
        narrowed = {"search": form.q.data or "", "role": form.role.data or "", "state": form.state.data or ""}
        page = await queries.members(conn, PAGE_SIZE, after=after_of(request), **narrowed)
        protected = await queries.with_second_factor(conn, [member.id for member in page.items])
    context: dict[str, Any] = {"form": form, "page": page, "protected": protected, "chosen": chosen_in(form)}
    return await render(request, "backoffice/staff/list.html", **context)


async def invite(request: web.Request) -> web.StreamResponse:
    """Somebody new, who gets a link by mail."""
    is_sent = request.method == "POST"
    form = await InvitationForm.read(request) if is_sent else InvitationForm.blank(request)
    async with request.app[DB].read() as conn:
        form.role.choices = await _roles(conn, request)
    if not is_sent or not form.validate():
        return await form_page(request, "backoffice/staff/invitation.html", form, status=WRONG if is_sent else 200)
    told = {"name": form.name.data, "email": form.email.data, "role_id": form.role.data, "language": form.language.data}
    actor = await actor_of(request)
    try:
        async with request.app[DB].transaction() as conn:
            made = await service.invite(conn, actor, **told)
    except service.EmailTaken:
        form.wrong(form.email, N_("Somebody of the staff has this address already."))
        return await form_page(request, "backoffice/staff/invitation.html", form, status=WRONG)
    return _back_to(request, made, N_("The invitation is on its way. The link in it works for 24 hours."))


async def member(request: web.Request) -> web.StreamResponse:
    """One of the staff, to be changed; whoever saves second is shown both versions."""
    async with request.app[DB].read() as conn:
        found = await _asked_for(conn, request)
        choices = await _roles(conn, request)
    if request.method != "POST":
        form = MemberForm.blank(request, data=_values(found))
        form.role.choices = choices
        return await _member_page(request, found, form)
    form = await MemberForm.read(request)
    form.role.choices = choices
    if not form.validate():
        return await _member_page(request, found, form, status=WRONG)
    return await _save(request, found, form)


async def send_link(request: web.Request) -> web.StreamResponse:
    """A new link by mail: the invitation again, or a way to a new password."""
    actor = await actor_of(request)
    async with request.app[DB].transaction() as conn:
        found = await _asked_for(conn, request)
        await service.send_link(conn, actor, found)
    return _back_to(request, found, N_("A new link is on its way. It works for 24 hours."))


async def disable(request: web.Request) -> web.StreamResponse:
    """The end of somebody's access, at once."""
    async with request.app[DB].read() as conn:
        found = await _asked_for(conn, request)
    if request.method != "POST":
        return await confirm_page(
            request,
            title=gettext(request[LANG], "Disable %(name)s?", name=found.name),
            text=gettext(request[LANG], "They are signed out everywhere at once and cannot come in any more."),
            button=gettext(request[LANG], "Disable"),
            back=_path(request, found),
        )
    actor = await actor_of(request)
    try:
        async with request.app[DB].transaction() as conn:
            await service.disable(conn, actor, found)
    except LastOwner:
        return _back_to(request, found, LAST_ONE, "error")
    return _back_to(request, found, N_("Their access has ended."))


async def enable(request: web.Request) -> web.StreamResponse:
    """Access again, as it was."""
    actor = await actor_of(request)
    async with request.app[DB].transaction() as conn:
        found = await _asked_for(conn, request)
        await service.enable(conn, actor, found)
    return _back_to(request, found, N_("They may come in again."))


async def reset_second_factor(request: web.Request) -> web.StreamResponse:
    """For a lost phone: the next sign-in sets up another second factor."""
    async with request.app[DB].read() as conn:
        found = await _asked_for(conn, request)
    if request.method != "POST":
        return await confirm_page(
            request,
            title=gettext(request[LANG], "Remove the second factor of %(name)s?", name=found.name),
            text=gettext(
                request[LANG],
                "Do this only when you have spoken to them. They are signed out and set up a new one at their next sign-in.",
            ),
            button=gettext(request[LANG], "Remove the second factor"),
            back=_path(request, found),
        )
    actor = await actor_of(request)
    async with request.app[DB].transaction() as conn:
        await service.reset_second_factor(conn, actor, found)
    return _back_to(request, found, N_("The second factor is removed. The next sign-in sets up a new one."))


async def _save(request: web.Request, found: StaffMember, form: MemberForm) -> web.StreamResponse:
    actor = await actor_of(request)
    told = {"name": form.name.data, "role_id": form.role.data, "language": form.language.data}
    try:
        async with request.app[DB].transaction() as conn:
            await service.change(conn, actor, found, version=form.edited, **told)
    except EditConflict:
        async with request.app[DB].read() as conn:
            now = await _asked_for(conn, request)
        return await conflict_page(request, form, _values(now), now.version, back=_path(request, now))
    except LastOwner:
        form.wrong(form.role, LAST_ONE)
        return await _member_page(request, found, form, status=WRONG)
    return _back_to(request, found, N_("Saved."))


async def _member_page(
    request: web.Request, found: StaffMember, form: Form, *, status: int = 200
) -> web.StreamResponse:
    async with request.app[DB].read() as conn:
        history = await history_of(conn, f"staff:{found.id}")
        is_protected = await service.SECOND_FACTORS.is_on(conn, found.id)
    context = {"member": found, "history_entries": history, "is_protected": is_protected}
    return await form_page(request, "backoffice/staff/member.html", form, status=status, **context)


async def _asked_for(conn: Connection, request: web.Request) -> StaffMember:
    found = await queries.member_by_id(conn, number_in(request))
    if found is None:
        raise web.HTTPNotFound
    return found


async def _roles(conn: Connection, request: web.Request, by: str = "id") -> dict[Any, str]:
    return {getattr(role, by): text_in(role.names, request[LANG]) for role in await roles(conn)}


def _values(found: StaffMember) -> dict[str, Any]:
    return {"name": found.name, "role": found.role_id, "language": found.language, "version": found.version}


def _path(request: web.Request, found: StaffMember) -> str:
    return request.app[URLS].path("backoffice.staff.member", request[LANG], id=found.id)


def _back_to(request: web.Request, found: StaffMember, message: str, kind: Any = "success") -> web.Response:
    response = see_other(request, "backoffice.staff.member", id=found.id)
    flash(request, response, gettext(request[LANG], message), kind)
    return response
