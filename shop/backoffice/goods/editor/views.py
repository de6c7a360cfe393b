"""A product on a page of its own: written, previewed, copied, put in the bin and taken out again."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from shop.backoffice.audit.queries import history_of
from shop.backoffice.categories.forms import SLUG_HINT
from shop.backoffice.categories.views import TAKEN, indented
from shop.backoffice.goods.editor import service
from shop.backoffice.goods.editor.forms import ProductForm
from shop.backoffice.goods.forms import REASONS
from shop.backoffice.goods.queries import goods_by_ids
from shop.backoffice.goods.service import Deed, do_to_all
from shop.backoffice.versions import EditConflict
from shop.backoffice.views import actor_of, confirm_page, conflict_page, number_in
from shop.catalog.models import ALLERGENS, Product
from shop.catalog.queries import LOW_STOCK, product_in_preview
from shop.catalog.service import SlugTaken
from shop.db import Connection
from shop.i18n import N_, gettext, text_in
from shop.keys import DB, LANG, URLS
from shop.reviews.queries import opinions_on
from shop.web.flash import flash
from shop.web.form_pages import WRONG
from shop.web.headers import EDITOR
from shop.web.respond import render, see_other

TEMPLATE = "backoffice/goods/product.html"
# Entries of a product and of all its sizes together.
HISTORY = 50


async def new_product(request: web.Request) -> web.StreamResponse:
    """Something the shop has not sold before; sizes and pictures come next."""
    is_sent = request.method == "POST"
    form = await ProductForm.read(request) if is_sent else ProductForm.blank(request)
    async with request.app[DB].read() as conn:
        form.category.choices = await indented(conn, request[LANG])
    if not is_sent or not form.validate():
        return await _product_page(request, None, form, status=WRONG if is_sent else 200)
    actor = await actor_of(request)
    try:
        async with request.app[DB].transaction() as conn:
            made = await service.create(conn, actor, form.data)
    except (SlugTaken, service.PictureUnknown) as problem:
        _explain(form, problem)
        return await _product_page(request, None, form, status=WRONG)
    return back_to(request, made, N_("Saved. Now add sizes and pictures."))


async def product(request: web.Request) -> web.StreamResponse:
    """One product; whoever saves second is shown both versions."""
    async with request.app[DB].read() as conn:
        found = await asked_for(conn, request)
        categories = await indented(conn, request[LANG])
    is_sent = request.method == "POST"
    values = {**service.values_of(found), "version": found.version}
    form = await ProductForm.read(request) if is_sent else ProductForm.blank(request, data=values)
    form.category.choices = categories
    if not is_sent or not form.validate():
        return await _product_page(request, found, form, status=WRONG if is_sent else 200)
    return await _save(request, found, form)


async def preview(request: web.Request) -> web.StreamResponse:
    """The page as the shop would show it now, drafts too; nothing can be bought on it."""
    async with request.app[DB].read() as conn:
        found = await asked_for(conn, request)
        shown = await product_in_preview(conn, found.id, request[LANG])
        opinions = await opinions_on(conn, found.id)
    if shown is None:
        return back_to(
            request, found.id, N_("Add a size that is online first; then there is something to show."), "error"
        )
    context: dict[str, Any] = {
        "opinions": opinions,
        "product": shown,
        "sku": shown.sku(None),
        "allergen_names": ALLERGENS,
        "related": [],
        "newest": [],
    }
    return await render(request, "backoffice/goods/preview.html", **context)


async def duplicate(request: web.Request) -> web.StreamResponse:
    """The same once more, as a draft."""
    actor = await actor_of(request)
    async with request.app[DB].transaction() as conn:
        made = await service.duplicate(conn, actor, await asked_for(conn, request))
    return back_to(request, made, N_("This is the copy: a draft without stock."))


async def put_in_bin(request: web.Request) -> web.StreamResponse:
    """Off the shop; it can be taken out of the bin again."""
    async with request.app[DB].read() as conn:
        found = await asked_for(conn, request)
    if request.method != "POST":
        return await confirm_page(
            request,
            title=gettext(request[LANG], "Put %(name)s in the bin?", name=text_in(found.name, request[LANG])),
            text=gettext(
                request[LANG], "It disappears from the shop at once. Orders keep it, and you can take it out again."
            ),
            button=gettext(request[LANG], "Put in the bin"),
            back=request.app[URLS].path("backoffice.goods.product", request[LANG], id=found.id),
        )
    return await _do(request, found, Deed.BIN, N_("It is in the bin."))


async def restore(request: web.Request) -> web.StreamResponse:
    """Out of the bin, in the state it had."""
    async with request.app[DB].read() as conn:
        found = await asked_for(conn, request)
    return await _do(request, found, Deed.RESTORE, N_("It is out of the bin."))


async def asked_for(conn: Connection, request: web.Request) -> Product:
    """The product of the path."""
    found = await Product.objects.using(conn).filter(id=number_in(request)).first()
    if found is None:
        raise web.HTTPNotFound
    return found


def back_to(request: web.Request, product_id: int, message: str, kind: Any = "success") -> web.Response:
    """To the page of a product, with a message."""
    response = see_other(request, "backoffice.goods.product", id=product_id)
    flash(request, response, gettext(request[LANG], message), kind)
    return response


async def _do(request: web.Request, found: Product, deed: Deed, message: str) -> web.Response:
    actor = await actor_of(request)
    async with request.app[DB].transaction() as conn:
        await do_to_all(conn, actor, deed, [found.id])
    return back_to(request, found.id, message)


async def _save(request: web.Request, found: Product, form: ProductForm) -> web.StreamResponse:
    actor = await actor_of(request)
    try:
        async with request.app[DB].transaction() as conn:
            await service.change(conn, actor, found.id, form.data, version=form.edited)
    except EditConflict:
        return await _conflict(request, form)
    except (SlugTaken, service.PictureUnknown) as problem:
        _explain(form, problem)
        return await _product_page(request, found, form, status=WRONG)
    return back_to(request, found.id, N_("Saved."))


async def _conflict(request: web.Request, form: ProductForm) -> web.StreamResponse:
    async with request.app[DB].read() as conn:
        now = await asked_for(conn, request)
    back = request.app[URLS].path("backoffice.goods.product", request[LANG], id=now.id)
    return await conflict_page(request, form, service.values_of(now), now.version, back=back)


def _explain(form: ProductForm, problem: SlugTaken | service.PictureUnknown) -> None:
    if isinstance(problem, SlugTaken):
        form.wrong(form[f"slug_{problem.args[0]}"], TAKEN)
    else:
        form.wrong(form[f"description_{problem.args[0]}"], N_("A picture in this text is not in the shop (any more)."))


async def _product_page(
    request: web.Request, found: Product | None, form: ProductForm, *, status: int = 200
) -> web.StreamResponse:
    history, goods, names = [], [], {}
    if found is not None:
        async with request.app[DB].read() as conn:
            goods = await goods_by_ids(conn, [found.id])
            names = {f"sku:{sku.id}": sku.code for one in goods for sku in one.skus}
            history = await history_of(conn, f"product:{found.id}", *names, size=HISTORY)
    context: dict[str, Any] = {
        "form": form,
        "product": found,
        "one": goods[0] if goods else None,
        "history_entries": history,
        "history_names": names,
        "slug_hint": gettext(request[LANG], SLUG_HINT),
        "reasons": {value: gettext(request[LANG], word) for value, word in REASONS.items()},
        "low_stock": LOW_STOCK,
    }
    return await render(request, TEMPLATE, status=status, headers=EDITOR, **context)
