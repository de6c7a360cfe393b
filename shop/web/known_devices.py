"""Browsers that signed in before: each has a window of failures of its own, so that strangers never keep the owner out."""

from __future__ import annotations

import secrets
from typing import Final

from aiohttp import web

from shop.keys import TOKENS
from shop.tokens import LinkInvalid
from shop.web.cookies import cookie_of, give_cookie

DEVICE: Final = "device"
STAFF_DEVICE: Final = "staff-device"
SECONDS: Final = 365 * 86_400


def known_device(request: web.Request, account_id: int | None, cookie: str = DEVICE) -> str | None:
    """The mark that this browser got when it last signed in to this very account."""
    try:
        owner, mark = request.app[TOKENS].read(cookie, cookie_of(request, cookie), SECONDS)
    except LinkInvalid:
        return None
    return f"{owner}.{mark}" if account_id is not None and owner == account_id else None


def device_owner(request: web.Request, cookie: str = DEVICE) -> int | None:
    """Who signed in with this browser last; None when nobody did, or nobody can tell."""
    try:
        owner, _ = request.app[TOKENS].read(cookie, cookie_of(request, cookie), SECONDS)
    except LinkInvalid:
        return None
    return int(owner)


def know_device(request: web.Request, response: web.StreamResponse, account_id: int, cookie: str = DEVICE) -> None:
    """Mark this browser as one of the account's owner."""
    if known_device(request, account_id, cookie) is None:
        mark = request.app[TOKENS].sign(cookie, [account_id, secrets.token_hex(8)])
        give_cookie(request, response, cookie, mark, SECONDS)
