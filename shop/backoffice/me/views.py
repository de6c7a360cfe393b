"""One's own access: what the role allows, another password, new recovery codes."""

from __future__ import annotations

from aiohttp import web

from shop.backoffice.me.forms import PasswordForm
from shop.backoffice.roles.forms import PERMISSIONS
from shop.backoffice.staff import service
from shop.backoffice.staff.models import StaffMember
from shop.backoffice.staff.queries import member_by_id
from shop.backoffice.views import actor_of
from shop.db import Connection
from shop.i18n import N_, gettext
from shop.keys import DB, LANG, PASSWORDS
from shop.web.flash import flash
from shop.web.form_pages import WRONG, form_page, place_to_hash
from shop.web.respond import render, see_other
from shop.web.staff import signed_in_staff


async def me(request: web.Request) -> web.StreamResponse:
    """Role, permissions, and how many recovery codes are left."""
    async with request.app[DB].read() as conn:
        member = await _self(conn, request)
        left = await service.SECOND_FACTORS.codes_left(conn, member.id)
        is_on = await service.SECOND_FACTORS.is_on(conn, member.id)
    allowed = [gettext(request[LANG], label) for code, label in PERMISSIONS.items() if code in member.role.permissions]
    return await render(
        request, "backoffice/me/me.html", member=member, codes_left=left, is_protected=is_on, allowed=allowed
    )


async def password(request: web.Request) -> web.StreamResponse:
    """Another password; everywhere else they are signed out."""
    if request.method != "POST":
        return await form_page(request, "backoffice/me/password.html", PasswordForm.blank(request))
    with place_to_hash(request):
        return await _change(request)


async def recovery_codes(request: web.Request) -> web.StreamResponse:
    """Ten new recovery codes, shown once; the old ones are worth nothing any more."""
    actor = await actor_of(request)
    async with request.app[DB].transaction() as conn:
        member = await _self(conn, request)
        if not await service.SECOND_FACTORS.is_on(conn, member.id):
            return see_other(request, "backoffice.me")
        codes = await service.new_recovery_codes(conn, actor, member)
    return await render(request, "backoffice/recovery_codes.html", codes=codes, wanted=None, is_new=False)


async def _change(request: web.Request) -> web.StreamResponse:
    form = await PasswordForm.read(request)
    async with request.app[DB].read() as conn:
        member = await _self(conn, request)
    form.names = (member.name, member.email)
    if not form.validate():
        return await form_page(request, "backoffice/me/password.html", form, status=WRONG)
    hashed = await request.app[PASSWORDS].hash(form.password.data or "")
    actor, staff = await actor_of(request), await signed_in_staff(request)
    async with request.app[DB].transaction() as conn:
        await service.change_password(conn, actor, member, hashed, keep=staff.session_id_hash)
    response = see_other(request, "backoffice.me")
    flash(
        request, response, gettext(request[LANG], N_("Your password is changed. Everywhere else you are signed out."))
    )
    return response


async def _self(conn: Connection, request: web.Request) -> StaffMember:
    member = await member_by_id(conn, (await signed_in_staff(request)).staff_id)
    if member is None:
        raise web.HTTPForbidden
    return member
