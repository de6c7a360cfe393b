"""What was typed into a form of the back office whose sender had to sign in first: sealed, for half an hour, for that person only."""

from __future__ import annotations

import re
import secrets
import time
from dataclasses import dataclass
from typing import Final

import orjson
import structlog
from aiohttp import web

from shop.cache.client import RedisAway
from shop.keys import LANG, LIMITS, REDIS, ROUTE, SETTINGS, URLS
from shop.limits import Limit
from shop.sealing import KeyRing, SealBroken
from shop.web.bodies import posted, takes_files
from shop.web.csrf import FIELD as TOKEN

# The field by which a form that is sent again names what was kept of it.
FIELD: Final = "kept"
SECONDS: Final = 1800
LARGEST: Final = 256 * 1024
PER_PERSON: Final = Limit("staff.kept", 20, SECONDS)
_ID: Final = re.compile(r"[0-9A-Za-z_-]{22}")

log = structlog.get_logger("shop.staff")


@dataclass(frozen=True, slots=True)
class KeptForm:
    """Where it was sent (route and path), and every field but the forgery token, in order."""

    kept_id: str
    route: str
    path: str
    fields: tuple[tuple[str, str], ...]


async def keep(request: web.Request, staff_id: int) -> str | None:
    """Keep the posted fields for one of the staff; the path of the page that shows them again, None when there is nothing to keep."""
    fields = await _typed(request)
    ends_at = int(time.time()) + SECONDS
    told = orjson.dumps([request[ROUTE], request.rel_url.raw_path_qs, fields, ends_at])
    if (
        not fields
        or len(told) > LARGEST
        or not (await request.app[LIMITS].take((PER_PERSON, str(staff_id)))).is_allowed
    ):
        return None
    kept_id = secrets.token_urlsafe(16)
    sealed = _ring(request).seal(told, _place(kept_id, staff_id))
    try:
        await request.app[REDIS].execute("SET", _key(kept_id), sealed, "EX", SECONDS)
    except RedisAway:
        log.info("typed form not kept", reason="redis away")
        return None
    return request.app[URLS].path("backoffice.kept", request[LANG], id=kept_id)


async def kept_form(request: web.Request, kept_id: str, staff_id: int) -> KeptForm | None:
    """What was kept, for the person who had typed it; None for all others, and when it is gone."""
    if not _ID.fullmatch(kept_id):
        return None
    try:
        sealed = await request.app[REDIS].execute("GET", _key(kept_id))
        told = _ring(request).open(sealed or b"", _place(kept_id, staff_id))
    except (RedisAway, SealBroken):
        return None
    route, path, fields, ends_at = orjson.loads(told)
    if time.time() >= ends_at:
        return None
    return KeptForm(kept_id, route, path, tuple((name, value) for name, value in fields))


async def forget(request: web.Request) -> None:
    """What is sent again is no longer kept; it ends by itself while Redis is away."""
    if request.method != "POST" or takes_files(request):
        return
    kept_id = (await posted(request)).get(FIELD, "")
    if _ID.fullmatch(kept_id):
        try:
            await request.app[REDIS].execute("DEL", _key(kept_id))
        except RedisAway:
            log.info("kept form not forgotten", reason="redis away")


async def _typed(request: web.Request) -> list[tuple[str, str]]:
    """security: neither files nor passwords; a form with a password is not kept at all, for without it nothing of it is worth keeping."""
    if takes_files(request):
        return []
    fields = [(name, value) for name, value in (await posted(request)).items() if name not in {TOKEN, FIELD}]
    return [] if any("password" in name for name, _ in fields) else fields


def _ring(request: web.Request) -> KeyRing:
    return KeyRing(request.app[SETTINGS].secret_keys, "kept-forms")


def _key(kept_id: str) -> str:
    return f"kept:{kept_id}"


def _place(kept_id: str, staff_id: int) -> bytes:
    return f"{_key(kept_id)}:{staff_id}".encode()
