"""Pages of the mail room. A mail's own HTML is shown in a frame that may do nothing but open links."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from shop.db import Connection
from shop.i18n import N_, gettext
from shop.keys import DB, LANG, SETTINGS
from shop.mail import mail_room
from shop.mailroom import queries
from shop.mailroom.queries import Mail
from shop.web.flash import flash_soon
from shop.web.headers import CONTENT_POLICY
from shop.web.respond import render

NEVER_KEPT: Final = {"Cache-Control": "no-store"}
WITH_FRAME: Final = NEVER_KEPT | {"Content-Security-Policy": f"{CONTENT_POLICY}; frame-src 'self'"}
# security: a mail's HTML runs nothing, loads nothing and belongs to no origin, whoever opens its address.
SANDBOX: Final = "sandbox allow-popups allow-popups-to-escape-sandbox"
IN_FRAME: Final = NEVER_KEPT | {
    "Content-Security-Policy": f"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; {SANDBOX}",
    "X-Frame-Options": "SAMEORIGIN",
}


async def mails(request: web.Request) -> web.Response:
    """All mails of the room, and the promises that are still open."""
    async with request.app[DB].read() as conn:
        promises = await queries.open_promises(conn)
    found = await queries.mails(mail_room(request.app[SETTINGS]))
    return await render(request, "mailroom/mails.html", headers=NEVER_KEPT, mails=found, promises=promises)


async def mail(request: web.Request) -> web.Response:
    """One mail: its headers, its text, its HTML and its source."""
    return await render(request, "mailroom/mail.html", headers=WITH_FRAME, mail=await _asked_for(request))


async def html(request: web.Request) -> web.Response:
    """The HTML of a mail, for the frame; links open beside it."""
    found = await _asked_for(request)
    page = found.html.replace("<head>", '<head><base target="_blank">', 1)
    return web.Response(text=page, content_type="text/html", headers=IN_FRAME)


async def mention_undelivered(conn: Connection, request: web.Request, sign_in: Any) -> None:
    """At sign-in: a customer whose mail was given up learns it there, for the mail that would say so does not arrive either."""
    if await queries.has_undelivered(conn, sign_in.account_id):
        message = N_("A mail to you could not be delivered. Please check your e-mail address.")
        flash_soon(request, gettext(request[LANG], message), "warning")


async def _asked_for(request: web.Request) -> Mail:
    found = await queries.mail_by_id(mail_room(request.app[SETTINGS]), request.match_info["id"])
    if found is None:
        raise web.HTTPNotFound
    return found
