"""Doors: who may enter a page. Each route declares one; it lets in with None or turns away with an answer."""

from __future__ import annotations

from aiohttp import web

from shop.keys import LANG, URLS
from shop.web.sessions import SESSIONS
from shop.web.side import is_backoffice
from shop.web.visitor import GUEST, Visitor

__all__ = ["GUEST", "Visitor", "anyone", "fresh", "from_provider", "signed_in", "visitor_of"]

# A `next` longer than this is dropped: the login page would not follow it anyway.
LONGEST_NEXT = 2000


async def visitor_of(request: web.Request, *, viewed: int | None = None) -> Visitor:
    """The visitor, known without asking anybody when no session cookie came; `viewed` notes a product in their history.

    Raises DbError where certainty is needed (on a POST, behind `signed_in`) and PostgreSQL is away.
    """
    if is_backoffice(request):
        return GUEST  # whoever shops in the same browser is nobody here
    return await request.app[SESSIONS].visitor(request, viewed=viewed)


async def anyone(request: web.Request) -> web.StreamResponse | None:
    """Everybody may enter."""
    return None


async def signed_in(request: web.Request) -> web.StreamResponse | None:
    """Only customers; a guest is sent to sign in and comes back afterwards."""
    visitor = await request.app[SESSIONS].visitor(request, certain=True)
    return None if visitor.is_signed_in else _to_login(request)


async def fresh(request: web.Request) -> web.StreamResponse | None:
    """Only customers who gave their password in the last ten minutes; others are asked for it again."""
    visitor = await request.app[SESSIONS].visitor(request, certain=True)
    return None if visitor.is_fresh else _to_login(request)


async def from_provider(request: web.Request) -> web.StreamResponse | None:
    """Only machines of payment providers, whose signature the view checks: no session is looked at and no token is wanted.

    What a browser sends names its page or carries cookies, and is nobody's notice.
    """
    if any(name in request.headers for name in ("Cookie", "Origin", "Sec-Fetch-Site", "Authorization")):
        raise web.HTTPForbidden
    return None


def _to_login(request: web.Request) -> web.Response:
    # A form that was refused is not repeated by a redirect: after a POST there is no way back to promise.
    come_back = request.rel_url.raw_path_qs if request.method in {"GET", "HEAD"} else ""
    query = {"next": come_back} if 0 < len(come_back) <= LONGEST_NEXT else None
    path = request.app[URLS].path("accounts.login", request[LANG], query)
    return web.Response(status=303, headers={"Location": path, "Cache-Control": "no-store"})
