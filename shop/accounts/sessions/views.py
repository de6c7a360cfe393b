"""Where the customer is signed in, and signing out there."""

from __future__ import annotations

from aiohttp import web

from shop.accounts.security.models import Kind
from shop.accounts.security.service import record
from shop.accounts.sessions import service
from shop.accounts.sessions.queries import open_sessions
from shop.accounts.views import origin_of
from shop.i18n import gettext, ngettext
from shop.keys import DB, LANG
from shop.web.access import visitor_of
from shop.web.flash import flash
from shop.web.respond import render, see_other
from shop.web.sessions import SESSIONS

NUMBER_DIGITS = 18


async def sessions(request: web.Request) -> web.StreamResponse:
    """Every browser in which this account is signed in."""
    visitor = await visitor_of(request)
    assert visitor.account_id is not None
    async with request.app[DB].read() as conn:
        listed = await open_sessions(conn, visitor.account_id)
    return await render(request, "accounts/sessions.html", sessions=listed, here=visitor.session_id_hash)


async def end_one(request: web.Request) -> web.StreamResponse:
    """Signs one of the listed browsers out; one that is not the account's own is not found."""
    visitor = await visitor_of(request)
    assert visitor.account_id is not None
    number = request.match_info["id"]
    if not (number.isascii() and number.isdigit() and len(number) <= NUMBER_DIGITS):
        raise web.HTTPNotFound
    async with request.app[DB].transaction() as conn:
        ended = await service.revoke_one(conn, visitor.account_id, int(number))
        if ended is None:
            raise web.HTTPNotFound
        await record(conn, visitor.account_id, Kind.SESSIONS_ENDED, origin_of(request), sessions=1)
    if ended == visitor.session_id_hash:
        response = see_other(request, "catalog.home")
        await request.app[SESSIONS].end(request, response)
        return response
    response = see_other(request, "accounts.sessions")
    flash(request, response, gettext(request[LANG], "That device is signed out."))
    return response


async def end_others(request: web.Request) -> web.StreamResponse:
    """Signs out everywhere but here."""
    visitor = await visitor_of(request)
    assert visitor.account_id is not None
    assert visitor.session_id_hash is not None
    async with request.app[DB].transaction() as conn:
        ended = await service.revoke_others(conn, visitor.account_id, visitor.session_id_hash)
        if ended:
            await record(conn, visitor.account_id, Kind.SESSIONS_ENDED, origin_of(request), sessions=ended)
    response = see_other(request, "accounts.sessions")
    told = ngettext(
        request[LANG], "%(num)s other device is signed out.", "%(num)s other devices are signed out.", ended
    )
    flash(request, response, told)
    return response
