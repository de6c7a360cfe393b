"""The closed list of cookies that speak for a visitor, and how they are named and set."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from aiohttp import hdrs, web

from shop.keys import SETTINGS

SESSION = "session"
STAFF = "staff"
BASKET = "basket"
BASKET_LENGTH: Final = 43  # 32 random bytes in URL-safe base64

_SHORT: Final = 1024  # longer ones are read but not remembered


def cookie_name(app: web.Application, name: str) -> str:
    """`__Host-session` over TLS, so that no other host and no plain connection can plant it; `session` else."""
    return f"__Host-{name}" if app[SETTINGS].is_secure else name


def cookies_of(request: web.Request) -> Mapping[str, str]:
    """The cookies of a request by name.

    Ours are plain tokens: reading them as such costs a tenth of aiohttp's general parser, which every page of a member would pay.
    """
    text = request.headers.get(hdrs.COOKIE, "")
    return _remembered(text) if len(text) <= _SHORT else _read(text)


def _read(text: str) -> Mapping[str, str]:
    parts = (part.partition("=") for part in text.split(";"))
    return MappingProxyType({name.strip(): value.strip() for name, _, value in parts})


_remembered = lru_cache(4096)(_read)  # a member's next page comes with the same cookies


def cookie_of(request: web.Request, name: str) -> str:
    """The value that came with the request, "" when none did."""
    return cookies_of(request).get(cookie_name(request.app, name), "")


def basket_hash_of(request: web.Request) -> bytes | None:
    """What a guest's basket is found by: the hash of its cookie; None for a cookie that we could not have given."""
    value = cookie_of(request, BASKET)
    return hashlib.sha256(value.encode()).digest() if len(value) == BASKET_LENGTH and value.isascii() else None


def give_cookie(request: web.Request, response: web.StreamResponse, name: str, value: str, max_age: int | None) -> None:
    """Set the cookie for `max_age` seconds, or with None until the browser closes."""
    response.set_cookie(
        cookie_name(request.app, name),
        value,
        max_age=max_age,
        path="/",
        secure=request.app[SETTINGS].is_secure,
        httponly=True,
        samesite="Lax",
    )


def take_cookie(request: web.Request, response: web.StreamResponse, name: str) -> None:
    """Make the browser forget the cookie.

    surprise: without the same Secure attribute a browser keeps a `__Host-` cookie.
    """
    response.del_cookie(
        cookie_name(request.app, name),
        path="/",
        secure=request.app[SETTINGS].is_secure,
        httponly=True,
        samesite="Lax",
    )
