"""What the link of an invitation opens: choosing a password, after which the second factor is next."""

from __future__ import annotations

from aiohttp import web

from shop.backoffice.audit.models import Actor
from shop.backoffice.sign_in.forms import NewPasswordForm
from shop.backoffice.sign_in.views import second_step
from shop.backoffice.staff.models import StaffMember
from shop.backoffice.staff.service import invited_by, set_password
from shop.keys import DB, PASSWORDS, TOKENS
from shop.tokens import LinkInvalid
from shop.web.form_pages import WRONG, place_to_hash
from shop.web.peers import address_of
from shop.web.respond import render

TEMPLATE = "backoffice/invitation.html"
# security: a page whose path is a key tells it to nobody
PRIVATE = {"Referrer-Policy": "no-referrer"}


async def invitation(request: web.Request) -> web.StreamResponse:
    """The form for a password; 404 and what to do about it when the link is old or used."""
    try:
        member = await _holder(request)
        if request.method != "POST":
            form = NewPasswordForm.blank(request)
            return await render(request, TEMPLATE, headers=PRIVATE, form=form, member=member)
        with place_to_hash(request):
            return await _take(request, member)
    except LinkInvalid:
        return await render(request, "backoffice/broken_link.html", status=404, headers=PRIVATE)


async def _holder(request: web.Request) -> StaffMember:
    async with request.app[DB].read() as conn:
        return await invited_by(conn, request.app[TOKENS], request.match_info["token"])


async def _take(request: web.Request, member: StaffMember) -> web.StreamResponse:
    form = await NewPasswordForm.read(request)
    form.names = (member.name, member.email)
    if not form.validate():
        return await render(request, TEMPLATE, status=WRONG, headers=PRIVATE, form=form, member=member)
    hashed = await request.app[PASSWORDS].hash(form.password.data or "")
    async with request.app[DB].transaction() as conn:
        actor = Actor(member.id, member.name, address_of(request))
        member = await set_password(conn, actor, member, hashed)
    return await second_step(request, member)
