"""The tree on one page, and one of its branches to be changed."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from shop.backoffice.audit.queries import history_of
from shop.backoffice.categories import service
from shop.backoffice.categories.forms import SLUG_HINT, CategoryForm
from shop.backoffice.categories.queries import goods_by_category, whole_tree
from shop.backoffice.pictures.views import brought
from shop.backoffice.versions import EditConflict
from shop.backoffice.views import actor_of, conflict_page, number_in
from shop.catalog.categories.models import Category
from shop.catalog.service import SlugTaken
from shop.db import Connection
from shop.i18n import N_, gettext, text_in
from shop.keys import DB, LANG, URLS
from shop.media.errors import MediaError
from shop.media.words import explained
from shop.web.bodies import UPLOADED, posted
from shop.web.flash import flash
from shop.web.form_pages import WRONG, form_page
from shop.web.respond import render, see_other

TEMPLATE = "backoffice/categories/category.html"
TAKEN = N_("Something else has (or had) this address.")
STEPS = {"up": -1, "down": 1}


async def categories(request: web.Request) -> web.StreamResponse:
    """Every branch, hidden ones too, each above those below it."""
    async with request.app[DB].read() as conn:
        branches = await whole_tree(conn)
        goods = await goods_by_category(conn)
    return await render(request, "backoffice/categories/tree.html", branches=branches, goods=goods)


async def new_category(request: web.Request) -> web.StreamResponse:
    """Another branch."""
    is_sent = request.method == "POST"
    form = await CategoryForm.read(request) if is_sent else CategoryForm.blank(request)
    async with request.app[DB].read() as conn:
        await _offer_parents(conn, request, form)
    if not is_sent or not form.validate():
        return await _category_page(request, None, form, status=WRONG if is_sent else 200)
    actor = await actor_of(request)
    try:
        async with request.app[DB].transaction() as conn:
            made = await service.create(conn, actor, form.data)
    except SlugTaken as problem:
        form.wrong(form[f"slug_{problem.args[0]}"], TAKEN)
        return await _category_page(request, None, form, status=WRONG)
    return _back_to(request, made, N_("Saved."))


async def category(request: web.Request) -> web.StreamResponse:
    """One branch; whoever saves second is shown both versions."""
    async with request.app[DB].read() as conn:
        found = await _asked_for(conn, request)
        values = {**service.values_of(found), "version": found.version}
        is_sent = request.method == "POST"
        form = await CategoryForm.read(request) if is_sent else CategoryForm.blank(request, data=values)
        await _offer_parents(conn, request, form)
    if not is_sent or not form.validate():
        return await _category_page(request, found, form, status=WRONG if is_sent else 200)
    return await _save(request, found, form)


async def move(request: web.Request) -> web.StreamResponse:
    """One step up or down among its neighbours."""
    steps = STEPS.get((await posted(request)).get("to", ""), 0)
    actor = await actor_of(request)
    async with request.app[DB].transaction() as conn:
        found = await _asked_for(conn, request)
        if steps:
            await service.move(conn, actor, found.id, steps)
    return see_other(request, "backoffice.categories")


async def add_picture(request: web.Request) -> web.StreamResponse:
    """The picture that stands for the category."""
    async with request.app[DB].read() as conn:
        found = await _asked_for(conn, request)
    try:
        stored = await brought(request, request[UPLOADED].files.get("picture", b""))
    except MediaError as problem:
        return _back_to(request, found.id, explained(problem)[1], "error")
    actor = await actor_of(request)
    async with request.app[DB].transaction() as conn:
        await service.set_picture(conn, actor, found.id, stored.fingerprint)
    return _back_to(request, found.id, N_("Saved."))


async def remove_picture(request: web.Request) -> web.StreamResponse:
    """The category without a picture."""
    actor = await actor_of(request)
    async with request.app[DB].transaction() as conn:
        found = await _asked_for(conn, request)
        await service.set_picture(conn, actor, found.id, None)
    return _back_to(request, found.id, N_("Saved."))


async def _save(request: web.Request, found: Category, form: CategoryForm) -> web.StreamResponse:
    actor = await actor_of(request)
    try:
        async with request.app[DB].transaction() as conn:
            await service.change(conn, actor, found.id, form.data, version=form.edited)
    except EditConflict:
        async with request.app[DB].read() as conn:
            now = await _asked_for(conn, request)
        back = request.app[URLS].path("backoffice.categories.category", request[LANG], id=now.id)
        return await conflict_page(request, form, service.values_of(now), now.version, back=back)
    except service.WouldLoop:
        form.wrong(form.parent, N_("A category cannot be below itself."))
    except SlugTaken as problem:
        form.wrong(form[f"slug_{problem.args[0]}"], TAKEN)
    else:
        return _back_to(request, found.id, N_("Saved."))
    return await _category_page(request, found, form, status=WRONG)


async def _category_page(
    request: web.Request, found: Category | None, form: CategoryForm, *, status: int = 200
) -> web.StreamResponse:
    history = []
    if found is not None:
        async with request.app[DB].read() as conn:
            history = await history_of(conn, f"category:{found.id}")
    slug_hint = gettext(request[LANG], SLUG_HINT)
    context: dict[str, Any] = {"category": found, "history_entries": history, "slug_hint": slug_hint}
    return await form_page(request, TEMPLATE, form, status=status, **context)


async def _asked_for(conn: Connection, request: web.Request) -> Category:
    found = await Category.objects.using(conn).filter(id=number_in(request)).first()
    if found is None:
        raise web.HTTPNotFound
    return found


async def _offer_parents(conn: Connection, request: web.Request, form: CategoryForm) -> None:
    names = await indented(conn, request[LANG])
    none: dict[Any, str] = {0: gettext(request[LANG], "nothing: at the top")}
    form.parent.choices = {**none, **names}


async def indented(conn: Connection, lang: str) -> dict[Any, str]:
    """The name of every category by id, in the order of the tree, for a list to choose from."""
    return {
        branch.category.id: "\u2003" * branch.depth + text_in(branch.category.name, lang)
        for branch in await whole_tree(conn)
    }


def _back_to(request: web.Request, category_id: int, message: str, kind: Any = "success") -> web.Response:
    response = see_other(request, "backoffice.categories.category", id=category_id)
    flash(request, response, gettext(request[LANG], message), kind)
    return response
