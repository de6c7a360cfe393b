"""Tables out and in. What goes out streams from the database; what comes in is a worker's, and its page tells how far it is."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
from typing import Any, Final

from aiohttp import web

from shop.backoffice.audit.service import record
from shop.backoffice.tables import service
from shop.backoffice.tables.forms import BringForm
from shop.backoffice.tables.models import LARGEST, ImportKind, ImportState, TableImport
from shop.backoffice.tables.queries import (
    EXPORTS,
    TEMPLATES,
    Export,
    Slice,
    import_by_id,
    latest_imports,
    lines_after,
    refused_lines,
)
from shop.backoffice.views import actor_of, number_in
from shop.i18n import N_, gettext
from shop.keys import DB, SETTINGS
from shop.tables import BOM, Cell, written
from shop.web.bodies import UPLOADED
from shop.web.rendering import language_of
from shop.web.respond import render, see_other
from shop.web.staff import Permission, Staff, signed_in_staff

SHOWN: Final = 200
CSV: Final = {"Content-Type": "text/csv; charset=utf-8"}


async def exports(request: web.Request) -> web.StreamResponse:
    """What can be fetched."""
    staff = await signed_in_staff(request)
    open_to = [name for name, export in EXPORTS.items() if _may_fetch(staff, export)]
    return await render(request, "backoffice/tables/exports.html", exports=open_to)


async def tables(request: web.Request) -> web.StreamResponse:
    """What can be brought, and what was brought last."""
    return await _tables(request, BringForm.blank(request))


async def export(request: web.Request) -> web.StreamResponse:
    """A whole table, however long: some hundred lines at a time are in memory."""
    found = EXPORTS.get(request.match_info["name"])
    if found is None:
        raise web.HTTPNotFound
    # security: REPORTS alone counts; names and addresses are for those who may see customers anyway
    if not _may_fetch(await signed_in_staff(request), found):
        return await render(request, "backoffice/refused.html", status=403, permission=Permission.CUSTOMERS)
    async with request.app[DB].transaction() as conn:
        await record(conn, await actor_of(request), "report.exported", f"report:{found.name}")
    response = web.StreamResponse(headers={**CSV, **_named(found.name)})
    with contextlib.suppress(ConnectionResetError):
        await response.prepare(request)
        await response.write((BOM + written([found.columns])).encode())
        after: int | None = 0
        while (piece := await _piece(request, found, after)).after is not None:
            await response.write(written(piece.lines).encode())
            after = piece.after
    return response


async def template(request: web.Request) -> web.StreamResponse:
    """An empty table with the right names in its first line, and one line that shows what is meant."""
    lines = TEMPLATES.get(request.match_info["name"])
    if lines is None:
        raise web.HTTPNotFound
    return _table(request.match_info["name"], lines)


async def bring(request: web.Request) -> web.StreamResponse:
    """Take a file in and let a worker look at it."""
    form = BringForm(request[UPLOADED].fields, lang=language_of(request))
    data = request[UPLOADED].files.get("file", b"")
    if not form.validate():
        return await _tables(request, form, status=400)
    if not data or len(data) > LARGEST:
        form.wrong(None, N_("Choose a file of at most %(most)s MB."), most=LARGEST // 1024**2)
        return await _tables(request, form, status=400)
    async with request.app[DB].transaction() as conn:
        import_id = await service.bring(conn, ImportKind(form.kind.data), data, await actor_of(request))
    return see_other(request, "backoffice.tables.import", id=import_id)


async def one_import(request: web.Request) -> web.StreamResponse:
    """How far a table is, and which lines cannot be taken over."""
    async with request.app[DB].read() as conn:
        brought = await _brought(conn, request)
        refused = await refused_lines(conn, brought.id, SHOWN)
    lang = language_of(request)
    told = [(row.line, row.cell, gettext(lang, row.message, **row.values)) for row in refused]
    message, values = brought.problem.get("message", ""), brought.problem.get("values", {})
    problem = gettext(lang, message, **values) if message else ""
    context: dict[str, Any] = {"brought": brought, "refused": told, "problem": problem, "states": ImportState}
    return await render(request, "backoffice/tables/import.html", **context)


async def take(request: web.Request) -> web.StreamResponse:
    """Take over what was looked at; twice is once."""
    import_id = number_in(request)
    async with request.app[DB].transaction() as conn:
        await service.take_over(conn, import_id)
    return see_other(request, "backoffice.tables.import", id=import_id)


async def errors(request: web.Request) -> web.StreamResponse:
    """The refused lines as they were brought, each with the reason in front: to be mended and brought again."""
    async with request.app[DB].read() as conn:
        brought = await _brought(conn, request)
        refused = await refused_lines(conn, brought.id)
    lang = language_of(request)
    why = {row.line: f"{row.cell}: {gettext(lang, row.message, **row.values)}" for row in refused}
    lines = await asyncio.to_thread(service.lines_of, brought.kind, brought.data)
    names = list(dict.fromkeys(name for line in lines for name in line.cells))
    wrong: list[list[Cell]] = [
        [line.number, why[line.number], *(line.cells.get(name, "") for name in names)]
        for line in lines
        if line.number in why
    ]
    head: list[Cell] = ["line", "problem", *names]
    return _table("errors", [head, *wrong])


def _may_fetch(staff: Staff, export: Export) -> bool:
    return not export.tells_of_people or staff.may(Permission.CUSTOMERS)


async def _tables(request: web.Request, form: BringForm, status: int = 200) -> web.StreamResponse:
    async with request.app[DB].read() as conn:
        latest = await latest_imports(conn)
    context: dict[str, Any] = {"form": form, "templates": TEMPLATES, "latest": latest}
    return await render(request, "backoffice/tables/tables.html", status=status, **context)


async def _brought(conn: Any, request: web.Request) -> TableImport:
    found = await import_by_id(conn, number_in(request))
    if found is None:
        raise web.HTTPNotFound
    return found


async def _piece(request: web.Request, found: Export, after: int | None) -> Slice:
    settings = request.app[SETTINGS]

    async def ask() -> Slice:
        async with request.app[DB].read(stale_ok=True) as conn:
            return await lines_after(conn, found, after or 0, settings.currency, settings.timezone)

    # surprise: the deadline of a page must not end what lasts longer than a page
    return await asyncio.create_task(ask(), context=contextvars.Context())


def _table(name: str, lines: list[list[Cell]]) -> web.Response:
    return web.Response(body=(BOM + written(lines)).encode(), headers={**CSV, **_named(name)})


def _named(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}.csv"'}
