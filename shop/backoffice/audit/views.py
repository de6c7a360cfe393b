"""The log: what was done, by whom, and whether it is whole."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any, Final

from aiohttp import web

from shop.backoffice.audit.forms import LogForm
from shop.backoffice.audit.queries import check_chain, entries
from shop.backoffice.views import PAGE_SIZE, after_of, chosen_in
from shop.keys import DB, SETTINGS
from shop.web.respond import render

# A page has three seconds; `run.py staff audit` looks at them all.
NEWEST: Final = 50_000


async def log(request: web.Request) -> web.StreamResponse:
    """Entries, newest first."""
    return await _page(request)


async def check(request: web.Request) -> web.StreamResponse:
    """The same, with the verdict on the newest entries."""
    async with request.app[DB].read() as conn:
        chain = await check_chain(conn, NEWEST)
    return await _page(request, chain=chain)


async def _page(request: web.Request, **context: Any) -> web.StreamResponse:
    form = LogForm.of(request)
    async with request.app[DB].read() as conn:
        page = await entries(conn, PAGE_SIZE, after=after_of(request), **_narrowed(request, form))
    told = {"chain": None, "form": form, "page": page, "chosen": chosen_in(form), **context}
    return await render(request, "backoffice/audit/log.html", **told)


def _narrowed(request: web.Request, form: LogForm) -> dict[str, Any]:
    """The lookups of the filters that are set; days are those of the shop's time zone."""
    lookups: dict[str, Any] = {}
    if form.q.data:
        lookups["search"] = form.q.data
    if form.kind.data:
        lookups["object__startswith"] = f"{form.kind.data}:"
    if form.since.data:
        lookups["at__gte"] = _midnight(request, form.since.data)
    if form.until.data:
        lookups["at__lt"] = _midnight(request, form.until.data + timedelta(days=1))
    return lookups


def _midnight(request: web.Request, day: date) -> datetime:
    return datetime.combine(day, time.min, request.app[SETTINGS].timezone)
