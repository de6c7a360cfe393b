"""What a visitor is told once, on the next page: a signed cookie of its own, so that guests need no session for it."""

from dataclasses import dataclass
from typing import Literal

from aiohttp import web

from shop.keys import SETTINGS, TOKENS
from shop.tokens import LinkInvalid
from shop.web.cookies import cookies_of

Kind = Literal["success", "info", "warning", "error"]
COOKIE = "flash"
SECONDS = 120
WAITING = web.RequestKey("WAITING", tuple[str, Kind])


@dataclass(frozen=True, slots=True)
class Flash:
    """One message in the visitor's language, and how it is meant."""

    kind: Kind
    message: str


def flash(request: web.Request, response: web.StreamResponse, message: str, kind: Kind = "success") -> None:
    """Shows `message` on the next page this visitor opens."""
    told = request.app[TOKENS].sign("flash", [[kind, message]])
    response.set_cookie(
        COOKIE, told, max_age=SECONDS, httponly=True, samesite="Lax", secure=request.app[SETTINGS].is_secure, path="/"
    )


def flash_soon(request: web.Request, message: str, kind: Kind = "success") -> None:
    """Keeps `message` for `flash_waiting`, where there is no response yet."""
    request[WAITING] = (message, kind)


def flash_waiting(request: web.Request, response: web.StreamResponse) -> None:
    """Shows what `flash_soon` kept, if anything."""
    if WAITING in request:
        message, kind = request[WAITING]
        flash(request, response, message, kind)


def flashes_of(request: web.Request) -> list[Flash]:
    """The messages that came with this request; whatever is forged, old or broken is none."""
    cookie = cookies_of(request).get(COOKIE)
    if not cookie:
        return []
    try:
        return [Flash(kind, message) for kind, message in request.app[TOKENS].read("flash", cookie, max_age=SECONDS)]
    except LinkInvalid:
        return []


def forget_flashes(request: web.Request, response: web.StreamResponse) -> None:
    """Takes the cookie back once its messages were shown."""
    if COOKIE in cookies_of(request):
        response.del_cookie(COOKIE, path="/", httponly=True, samesite="Lax", secure=request.app[SETTINGS].is_secure)
