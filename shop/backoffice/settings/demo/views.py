"""The question before the demo is emptied, and what comes of it."""

from __future__ import annotations

from aiohttp import web

from shop.backoffice.settings.demo import service
from shop.backoffice.settings.demo.forms import EmptyForm
from shop.backoffice.settings.views import done
from shop.backoffice.views import actor_of
from shop.i18n import N_
from shop.keys import DB, PASSWORDS, REDIS
from shop.web.form_pages import WRONG, form_page, place_to_hash
from shop.web.stated import STATED

TEMPLATE = "backoffice/settings/demo.html"


async def empty(request: web.Request) -> web.StreamResponse:
    """Goods, customers and orders go, once somebody has typed the shop's name; 404 in a shop that is not the demo."""
    async with request.app[DB].read() as conn:
        if not await service.is_demo(conn):
            raise web.HTTPNotFound
    name = request.app[STATED].profile.name
    if request.method != "POST":
        return await form_page(request, TEMPLATE, EmptyForm.blank(request), name=name)
    form = await EmptyForm.read(request)
    with place_to_hash(request):
        async with request.app[DB].read() as conn:
            known = await service.with_known_password(conn, request.app[PASSWORDS])
    if known:
        message = N_("Everybody knows the demo's password: choose another one for %(who)s first. Nothing was changed.")
        form.wrong(None, message, who=", ".join(known))
    if not form.means(name) or known:
        return await form_page(request, TEMPLATE, form, status=WRONG, name=name)
    return await _emptied(request)


async def _emptied(request: web.Request) -> web.StreamResponse:
    actor = await actor_of(request)
    try:
        async with request.app[DB].transaction() as conn:
            traces = await service.empty(conn, actor)
    except service.NotTheDemo:
        raise web.HTTPNotFound from None
    await service.forget(request.app[REDIS], traces)
    return done(
        request,
        N_("The demo is empty. Your own shop begins here: add categories and goods, and look at zones and texts."),
    )
