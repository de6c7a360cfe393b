"""Forgery: whether a request that changes something was sent from a page of ours.

Browsers say where a request comes from (Sec-Fetch-Site, Origin): elsewhere is always refused. Whoever carries a session or
basket cookie has to show a token made from it as well, but a guest whose browser vouches for the page: that page may be
older than the basket. A client that sends neither header nor cookie has nothing that could be abused, and passes.
"""

from __future__ import annotations

import binascii
import hmac
import secrets
from base64 import urlsafe_b64decode
from collections.abc import Awaitable, Callable
from functools import lru_cache
from hashlib import blake2b
from typing import Final

from aiohttp import web

from shop.keys import SETTINGS
from shop.web.bodies import posted, takes_files
from shop.web.cookies import BASKET, SESSION, STAFF, cookie_of
from shop.web.side import is_backoffice

FIELD: Final = "csrf_token"
HEADER: Final = "X-CSRF-Token"
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
# "none" is a person's own doing: typed, bookmarked, reloaded.
OWN_SITES: Final = frozenset({"same-origin", "none"})
_LENGTH: Final = 32
_URL_SAFE: Final = bytes.maketrans(b"+/", b"-_")
_SHORT: Final = 128  # a cookie of ours is shorter

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def checked(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answers 403 to a changing request from elsewhere, or without the token of its cookie."""
    if request.method not in SAFE and (_is_foreign(request) or not (takes_files(request) or await has_token(request))):
        raise web.HTTPForbidden
    return await handler(request)


def token_of(request: web.Request) -> bytes:
    """The token for forms and X-CSRF-Token; b"" for a guest without cookies, whose pages are the same for all.

    It changes with the session at every sign-in. The random mask keeps compression from giving it away letter by letter.
    """
    secret = _secret_of(request)
    return token_for(secret) if secret else b""


def token_for(secret: str) -> bytes:
    """The token that goes with a session (or basket) cookie."""
    mask = _masks.take()
    proof = _remembered(secret) if len(secret) <= _SHORT else _proof(secret)
    masked = mask << 8 * _LENGTH | (mask ^ proof)
    return binascii.b2a_base64(masked.to_bytes(2 * _LENGTH), newline=False).translate(_URL_SAFE)


def bears_token(request: web.Request) -> bool:
    """Whether pages for this request carry a token, and so are nobody else's."""
    return bool(_secret_of(request))


class _Masks:
    """Random masks, asked of the system a hundred at a time: a call of its own costs more than all the rest of a token."""

    def __init__(self) -> None:
        self._left: list[int] = []

    def take(self) -> int:
        """One that was never given before."""
        if not self._left:
            drawn = secrets.token_bytes(100 * _LENGTH)
            self._left = [int.from_bytes(drawn[n : n + _LENGTH]) for n in range(0, len(drawn), _LENGTH)]
        return self._left.pop()


_masks = _Masks()


def _is_foreign(request: web.Request) -> bool:
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    if site is not None and site not in OWN_SITES:
        return True
    if origin is None:
        return False
    # surprise: from a page with Referrer-Policy: no-referrer a browser sends Origin: null even to ourselves.
    if origin == "null":
        return site != "same-origin"
    settings = request.app[SETTINGS]
    scheme = "https" if settings.is_secure else "http"
    return origin.lower() not in {f"{scheme}://{host}" for host in settings.hosts}


async def has_token(request: web.Request) -> bool:
    """Whether the request shows the token of its cookie, or has none; a route that takes files asks once it has read them."""
    secret = _secret_of(request)
    if not secret or (_is_baskets(request) and _is_vouched_for(request)):
        return True
    token = request.headers.get(HEADER)
    if token is None and _is_form(request):
        token = (await posted(request)).get(FIELD)
    return token is not None and _is_valid(token, secret)


def _is_vouched_for(request: web.Request) -> bool:
    """Whether the browser itself says that a page of ours sent this; `_is_foreign` has refused every other claim."""
    return request.headers.get("Sec-Fetch-Site") == "same-origin" or request.headers.get("Origin", "null") != "null"


def _secret_of(request: web.Request) -> str:
    if is_backoffice(request):
        return cookie_of(request, STAFF)
    return cookie_of(request, SESSION) or cookie_of(request, BASKET)


def _is_baskets(request: web.Request) -> bool:
    """Whether the secret is only that of a guest's basket."""
    return not is_backoffice(request) and not cookie_of(request, SESSION)


def _is_form(request: web.Request) -> bool:
    return request.content_type in {"application/x-www-form-urlencoded", "multipart/form-data"}


def _is_valid(token: str, secret: str) -> bool:
    try:
        raw = urlsafe_b64decode(token.encode("ascii"))
    except (UnicodeEncodeError, binascii.Error):
        return False
    if len(raw) != 2 * _LENGTH:
        return False
    shown = int.from_bytes(raw[:_LENGTH]) ^ int.from_bytes(raw[_LENGTH:])
    return hmac.compare_digest(shown.to_bytes(_LENGTH), _proof(secret).to_bytes(_LENGTH))


def _proof(secret: str) -> int:
    # 256 random bits need no slow or keyed hash; BLAKE2 costs a fifth of an HMAC here
    digest = blake2b(secret.encode("utf-8", "surrogateescape"), digest_size=_LENGTH, person=b"bayberry.csrf").digest()
    return int.from_bytes(digest)


_remembered = lru_cache(4096)(_proof)
