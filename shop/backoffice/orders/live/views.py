"""News for the open queue: something happened to an order, or a new one is there."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from shop.accounts.sessions.queries import live_session
from shop.backoffice.staff.models import SESSIONS
from shop.keys import DB
from shop.orders.live import NoMorePages, TooManyPages
from shop.web.staff import Permission, Staff, signed_in_staff
from shop.web.streams import LIVE, no_room, stream

# How many queues one of the staff may have open; a browser has six connections in all without HTTP/2.
PER_PERSON: Final = 3
# Seconds between two news: on a busy day the list is looked at often enough.
PAUSE: Final = 0.5
PRIVATE: Final = {"Cache-Control": "no-store"}


async def events(request: web.Request) -> web.StreamResponse:
    """One word whenever an order is placed or moves on, until the session ends or no longer allows it."""
    staff = await signed_in_staff(request)
    who = f"s{staff.staff_id}"
    try:
        with request.app[LIVE].waiting(None, who, staff.session_id_hash, at_most=PER_PERSON) as news:
            return await stream(request, news, lambda: _may_listen(request, staff), PRIVATE, pause=PAUSE)
    except TooManyPages:
        return no_room(request, 429)
    except NoMorePages:
        return no_room(request, 503)


async def _may_listen(request: web.Request, staff: Staff) -> bool:
    """The row is asked, and not noted as used: a forgotten screen keeps no session alive."""
    async with request.app[DB].read() as conn:
        found = await live_session(conn, staff.session_id_hash, SESSIONS)
    return found is not None and Permission.ORDERS in found[0].permissions
