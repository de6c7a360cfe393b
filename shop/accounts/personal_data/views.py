"""Taking one's data away, and having it forgotten."""

from __future__ import annotations

import orjson
from aiohttp import web

from shop.accounts.personal_data import service
from shop.accounts.personal_data.forms import ErasureForm
from shop.accounts.personal_data.models import Chapter
from shop.accounts.views import origin_of, owner_of
from shop.i18n import N_, gettext
from shop.keys import DB, LANG
from shop.web.flash import flash
from shop.web.form_pages import WRONG, form_page
from shop.web.respond import render, see_other
from shop.web.sessions import SESSIONS

# One chapter a feature, handed over by app.py; that of the account comes last.
PERSONAL_DATA = web.AppKey[tuple[Chapter, ...]]("PERSONAL_DATA", tuple)


async def personal_data(request: web.Request) -> web.StreamResponse:
    """What the shop knows, and the two things one can do about it."""
    return await render(request, "accounts/personal_data.html")


async def personal_data_file(request: web.Request) -> web.StreamResponse:
    """Everything the shop knows about the customer, as one JSON file."""
    chapters = request.app[PERSONAL_DATA]
    async with request.app[DB].transaction() as conn:
        account = await owner_of(conn, request)
        told = await service.tell_everything(conn, account, chapters, origin_of(request))
    headers = {"Content-Disposition": 'attachment; filename="personal-data.json"', "Cache-Control": "no-store"}
    body = orjson.dumps(told, option=orjson.OPT_INDENT_2)
    return web.Response(body=body, content_type="application/json", headers=headers)


async def erasure(request: web.Request) -> web.StreamResponse:
    """The end of an account: the person is forgotten, orders stay without one."""
    template = "accounts/erasure.html"
    if request.method != "POST":
        return await form_page(request, template, ErasureForm.blank(request))
    form = await ErasureForm.read(request)
    if not form.validate():
        return await form_page(request, template, form, status=WRONG)
    chapters = request.app[PERSONAL_DATA]
    async with request.app[DB].transaction() as conn:
        account = await owner_of(conn, request)
        await service.forget_everything(conn, account, chapters, origin_of(request))
    response = see_other(request, "catalog.home")
    await request.app[SESSIONS].end(request, response)
    flash(
        request,
        response,
        gettext(request[LANG], N_("Your account is erased. Thank you for your time with us.")),
        "info",
    )
    return response
