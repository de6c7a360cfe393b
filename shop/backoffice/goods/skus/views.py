"""One size of a product on a page of its own."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from shop.backoffice.audit.queries import history_of
from shop.backoffice.goods.editor.views import asked_for, back_to
from shop.backoffice.goods.forms import REASONS
from shop.backoffice.goods.skus import service
from shop.backoffice.goods.skus.forms import SkuForm
from shop.backoffice.goods.views import asked_for_sku
from shop.backoffice.versions import EditConflict
from shop.backoffice.views import actor_of, conflict_page
from shop.catalog.models import Origin, Product, Sku
from shop.catalog.taxes.queries import tax_classes
from shop.db import Connection, Q
from shop.i18n import N_, gettext, text_in
from shop.keys import DB, LANG, URLS
from shop.web.bodies import posted
from shop.web.form_pages import WRONG, form_page

TEMPLATE = "backoffice/goods/sku.html"
STEPS = {"up": -1, "down": 1}


async def new_sku(request: web.Request) -> web.StreamResponse:
    """Another size."""
    is_sent = request.method == "POST"
    form = await SkuForm.read(request) if is_sent else SkuForm.blank(request)
    async with request.app[DB].read() as conn:
        product = await asked_for(conn, request)
        await _offer(conn, request, form)
    if not is_sent or not form.validate():
        return await _sku_page(request, product, None, form, status=WRONG if is_sent else 200)
    actor = await actor_of(request)
    try:
        async with request.app[DB].transaction() as conn:
            await service.create(conn, actor, product.id, form.data)
    except service.CodeTaken:
        return await _taken(request, product, None, form)
    return back_to(request, product.id, N_("Saved."))


async def sku(request: web.Request) -> web.StreamResponse:
    """One size; whoever saves second is shown both versions."""
    async with request.app[DB].read() as conn:
        found = await asked_for_sku(conn, request)
        values = {**service.values_of(found), "version": found.version}
        is_sent = request.method == "POST"
        form = await SkuForm.read(request) if is_sent else SkuForm.blank(request, data=values)
        await _offer(conn, request, form, found)
    if not is_sent or not form.validate():
        return await _sku_page(request, found.product, found, form, status=WRONG if is_sent else 200)
    actor = await actor_of(request)
    try:
        async with request.app[DB].transaction() as conn:
            await service.change(conn, actor, found.id, form.data, version=form.edited)
    except EditConflict:
        return await _conflict(request, form)
    except service.CodeTaken:
        return await _taken(request, found.product, found, form)
    return back_to(request, found.product_id, N_("Saved."))


async def move(request: web.Request) -> web.StreamResponse:
    """One step up or down among the sizes of its product."""
    steps = STEPS.get((await posted(request)).get("to", ""), 0)
    actor = await actor_of(request)
    async with request.app[DB].transaction() as conn:
        found = await asked_for_sku(conn, request)
        if steps:
            await service.move(conn, actor, found, steps)
    return back_to(request, found.product_id, N_("Saved."))


async def _conflict(request: web.Request, form: SkuForm) -> web.StreamResponse:
    async with request.app[DB].read() as conn:
        now = await asked_for_sku(conn, request)
    back = request.app[URLS].path("backoffice.goods.sku", request[LANG], id=now.id)
    return await conflict_page(request, form, service.values_of(now), now.version, back=back)


async def _taken(request: web.Request, product: Product, found: Sku | None, form: SkuForm) -> web.StreamResponse:
    form.wrong(form.code, N_("Other goods have this code."))
    return await _sku_page(request, product, found, form, status=WRONG)


async def _sku_page(
    request: web.Request, product: Product, found: Sku | None, form: SkuForm, *, status: int = 200
) -> web.StreamResponse:
    history = []
    if found is not None:
        async with request.app[DB].read() as conn:
            history = await history_of(conn, f"sku:{found.id}")
    reasons = {value: gettext(request[LANG], word) for value, word in REASONS.items()}
    context: dict[str, Any] = {"product": product, "sku": found, "history_entries": history, "reasons": reasons}
    return await form_page(request, TEMPLATE, form, status=status, **context)


async def _offer(conn: Connection, request: web.Request, form: SkuForm, own: Sku | None = None) -> None:
    """What can be chosen: the origins and tax classes that are offered, and the size's own."""
    origin_id, taxed = (own.origin_id or 0, own.tax_class) if own else (0, "")
    offered = await Origin.objects.using(conn).filter(Q(is_offered=True) | Q(id=origin_id)).order_by("code")
    origins: dict[Any, str] = {origin.id: text_in(origin.name, request[LANG]) for origin in offered}
    none: dict[Any, str] = {0: gettext(request[LANG], "not told")}
    form.origin.choices = {**none, **origins}
    form.tax_class.choices = {
        one.code: text_in(one.name, request[LANG])
        for one in await tax_classes(conn)
        if one.is_active or one.code == taxed
    }
