"""Where a visitor goes after a form: only to pages of ours, whatever is asked for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, cast

from aiohttp import web
from yarl import URL

# Printable ASCII without the backslash, which browsers read as a slash; one slash first, for two begin another host.
OWN_PATH: Final = re.compile(r"/(?![/\\])[!-\[\]-~]{0,1999}")


@dataclass(frozen=True, slots=True)
class _Asked:
    """As much of a request as the router looks at."""

    method: str
    rel_url: URL


async def own_page(request: web.Request, wanted: str | None) -> str | None:
    """The path if it leads to a page of ours that can be opened with GET, else None."""
    if not wanted or not OWN_PATH.fullmatch(wanted):
        return None
    path = wanted.partition("#")[0]
    try:
        there = URL(path)
    except ValueError:
        return None
    # security: what yarl would write differently (dots, encoded slashes) a browser may read differently, too
    if there.absolute or there.raw_path_qs != path:
        return None
    found = await request.app.router.resolve(cast(web.Request, _Asked("GET", there)))
    return path if found.http_exception is None else None
