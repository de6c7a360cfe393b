"""Content pages in their order, and one of them to be written."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from shop.backoffice.audit.queries import history_of
from shop.backoffice.content.forms import wanted_order
from shop.backoffice.content.pages import service
from shop.backoffice.content.pages.forms import PageForm
from shop.backoffice.goods.editor.service import PictureUnknown
from shop.backoffice.goods.texts import slug_of, spread
from shop.backoffice.versions import EditConflict
from shop.backoffice.views import actor_of, conflict_page, number_in
from shop.content.models import ContentPage
from shop.db import Connection, UniqueViolation
from shop.i18n import N_, gettext
from shop.keys import DB, LANG, URLS
from shop.web.flash import flash
from shop.web.form_pages import WRONG
from shop.web.headers import EDITOR
from shop.web.respond import render, see_other

TEMPLATE = "backoffice/pages/page.html"


async def pages(request: web.Request) -> web.StreamResponse:
    """All of them in their order, drafts too."""
    async with request.app[DB].read() as conn:
        found = await service.every_page(conn)
    return await render(request, "backoffice/pages/list.html", pages=found)


async def arrange(request: web.Request) -> web.StreamResponse:
    """The pages as they were dragged, or one of them a place up or down."""
    order, actor = await wanted_order(request), await actor_of(request)
    async with request.app[DB].transaction() as conn:
        await service.arrange(conn, actor, order)
    return _done(request)


async def new_page(request: web.Request) -> web.StreamResponse:
    """Another page."""
    is_sent = request.method == "POST"
    form = await PageForm.read(request) if is_sent else PageForm.blank(request)
    if not is_sent or not form.validate():
        return await _page(request, None, form, status=WRONG if is_sent else 200)
    actor, slug = await actor_of(request), form.slug.data or slug_of(form.title_en.data or "")

    async def write(conn: Connection) -> None:
        await service.create(conn, actor, slug, form.values)

    return await _save(request, form, None, write)


async def page(request: web.Request) -> web.StreamResponse:
    """One of them; whoever saves second is shown both versions."""
    async with request.app[DB].read() as conn:
        found = await _asked_for(conn, request)
    values = {**_values_of(found), "version": found.version}
    is_sent = request.method == "POST"
    form = await PageForm.read(request) if is_sent else PageForm.blank(request, data=values)
    if not is_sent or not form.validate():
        return await _page(request, found, form, status=WRONG if is_sent else 200)
    actor, slug = await actor_of(request), form.slug.data or found.slug

    async def write(conn: Connection) -> None:
        await service.change(conn, actor, found, form.edited, slug, form.values)

    return await _save(request, form, found, write)


async def _save(
    request: web.Request, form: PageForm, found: ContentPage | None, write: Callable[[Connection], Awaitable[None]]
) -> web.StreamResponse:
    try:
        async with request.app[DB].transaction() as conn:
            await write(conn)
    except EditConflict:
        return await _conflict(request, form)
    except UniqueViolation:
        form.wrong(form.slug, N_("Another page has this address."))
    except service.SlugIsLinked:
        form.wrong(form.slug, N_("Other pages of the shop lead to this address; it has to stay."))
    except PictureUnknown as problem:
        form.wrong(form[f"body_{problem.args[0]}"], N_("A picture in this text is not in the shop (any more)."))
    else:
        return _done(request)
    return await _page(request, found, form, status=WRONG)


async def _conflict(request: web.Request, form: PageForm) -> web.StreamResponse:
    async with request.app[DB].read() as conn:
        now = await _asked_for(conn, request)
    back = request.app[URLS].path("backoffice.pages.page", request[LANG], id=now.id)
    return await conflict_page(request, form, _values_of(now), now.version, back=back)


async def _page(
    request: web.Request, found: ContentPage | None, form: PageForm, *, status: int = 200
) -> web.StreamResponse:
    history = []
    if found is not None:
        async with request.app[DB].read() as conn:
            history = await history_of(conn, f"page:{found.id}")
    context: dict[str, Any] = {"form": form, "page": found, "history_entries": history}
    return await render(request, TEMPLATE, status=status, headers=EDITOR, **context)


def _values_of(found: ContentPage) -> dict[str, Any]:
    return {
        **spread(title=found.title, body=found.body),
        "slug": found.slug,
        "is_published": found.is_published,
    }


async def _asked_for(conn: Connection, request: web.Request) -> ContentPage:
    found = await ContentPage.objects.using(conn).filter(id=number_in(request)).first()
    if found is None:
        raise web.HTTPNotFound
    return found


def _done(request: web.Request) -> web.Response:
    response = see_other(request, "backoffice.pages")
    flash(request, response, gettext(request[LANG], N_("Saved.")))
    return response
