"""The list of goods: found, looked through, and worked on where they stand."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from shop.backoffice.categories.views import indented
from shop.backoffice.goods import service
from shop.backoffice.goods.forms import DEEDS, REASONS, BulkForm, GoodsForm, PriceForm, StockForm
from shop.backoffice.goods.queries import Narrowed, goods_by_ids, listed_goods
from shop.backoffice.goods.service import Deed, Reason
from shop.backoffice.versions import EditConflict
from shop.backoffice.views import LARGEST_ID, PAGE_SIZE, actor_of, after_of, chosen_in, conflict_page, number_in
from shop.catalog.models import Sku
from shop.catalog.queries import LOW_STOCK
from shop.db import Connection
from shop.i18n import N_, gettext, ngettext
from shop.keys import DB, LANG, SETTINGS, URLS
from shop.money import decimal_string
from shop.orders.stock.service import StockMoved
from shop.web.bodies import posted
from shop.web.flash import flash
from shop.web.respond import render, see_other_path

SHOWN = 10


async def goods(request: web.Request) -> web.StreamResponse:
    """All goods, newest first, narrowed by words, category, state and stock."""
    form = GoodsForm.of(request)
    state, low = form.state.data or "", form.low.data == "low"
    async with request.app[DB].read() as conn:
        categories = await indented(conn, request[LANG])
        place = form.category.data if form.category.data in categories else 0
        narrowed = Narrowed(words=form.q.data or "", category_id=place, state=state, only_low=low)
        page = await listed_goods(conn, PAGE_SIZE, narrowed, after=after_of(request))
    form.category.choices = dict[Any, str]({0: gettext(request[LANG], "All"), **categories})
    context: dict[str, Any] = {
        "form": form,
        "page": page,
        "chosen": chosen_in(form),
        "after": after_of(request),
        "categories": categories,
        "deeds": _words(
            request, {deed: word for deed, word in DEEDS.items() if (deed == "restore") == (state == "bin")}
        ),
        "reasons": _words(request, REASONS),
        "back": request.query_string,
        "low_stock": LOW_STOCK,
        "amount": lambda minor: decimal_string(minor, request.app[SETTINGS].currency),
    }
    return await render(request, "backoffice/goods/list.html", **context)


async def do_to_all(request: web.Request) -> web.StreamResponse:
    """Asks how many it is about to change, then changes them."""
    form = await BulkForm.read(request)
    sent = await posted(request)
    async with request.app[DB].read() as conn:
        categories = await indented(conn, request[LANG])
        form.category.choices = dict[Any, str]({0: "", **categories})
        ids = [one for one in dict.fromkeys(form.chosen.data or []) if 0 < one <= LARGEST_ID]
        chosen = await goods_by_ids(conn, ids[:PAGE_SIZE])
    if not form.validate() or not chosen:
        return _back(request, sent, N_("Choose some goods first, and what to do with them."), "error")
    deed, category_id = Deed(form.deed.data), form.category.data or 0
    if deed is Deed.MOVE and not category_id:
        return _back(request, sent, N_("Choose the category they move to."), "error")
    if not sent.get("confirmed"):
        context: dict[str, Any] = {
            "deed": deed,
            "deed_name": gettext(request[LANG], DEEDS[deed]),
            "category_id": category_id,
        }
        told = {**context, "category_name": categories.get(category_id, "").strip(), "most": SHOWN}
        return await render(request, "backoffice/goods/bulk.html", goods=chosen, back=sent.get("back", ""), **told)
    actor = await actor_of(request)
    async with request.app[DB].transaction() as conn:
        count = await service.do_to_all(conn, actor, deed, [one.product.id for one in chosen], category_id)
    message = ngettext(request[LANG], "%(num)s product changed.", "%(num)s products changed.", count)
    return _back(request, sent, message)


async def set_price(request: web.Request) -> web.StreamResponse:
    """The price of one size, typed into the list."""
    async with request.app[DB].read() as conn:
        sku = await asked_for_sku(conn, request)
    form, sent = await PriceForm.read(request), await posted(request)
    if not form.validate():
        return _back(request, sent, " ".join(form.price.errors), "error", sku)
    actor = await actor_of(request)
    try:
        async with request.app[DB].transaction() as conn:
            await service.set_price(conn, actor, sku.id, form.price.data, version=form.edited)
    except service.BelowOffer:
        return _back(request, sent, N_("The price has to be above the price of the offer."), "error", sku)
    except EditConflict:
        async with request.app[DB].read() as conn:
            now = await asked_for_sku(conn, request)
        return await conflict_page(request, form, {"price": now.price}, now.version, back=_list(request, sent, now))
    return _back(request, sent, N_("Saved."), sku=sku)


async def move_stock(request: web.Request) -> web.StreamResponse:
    """Pieces that came, were lost or were counted."""
    async with request.app[DB].read() as conn:
        sku = await asked_for_sku(conn, request)
    form, sent = await StockForm.read(request), await posted(request)
    if not form.validate():
        errors = [error for field in form for error in field.errors]
        return _back(request, sent, " ".join(errors), "error", sku)
    actor = await actor_of(request)
    try:
        async with request.app[DB].transaction() as conn:
            stock = await service.move_stock(
                conn, actor, sku.id, Reason(form.reason.data), int(form.quantity.data or 0)
            )
    except StockMoved:
        return _back(request, sent, N_("There are not so many to write off."), "error", sku)
    message = gettext(request[LANG], "%(code)s: %(count)s in stock now.", code=sku.code, count=stock)
    return _back(request, sent, message, sku=sku)


async def asked_for_sku(conn: Connection, request: web.Request) -> Sku:
    """The size of the path, with its product."""
    found = await Sku.objects.using(conn).select_related("product").filter(id=number_in(request)).first()
    if found is None:
        raise web.HTTPNotFound
    return found


def _back(request: web.Request, sent: Any, message: str, kind: Any = "success", sku: Sku | None = None) -> web.Response:
    """To the list as it was narrowed, or to the page of the product when that is where the form stood."""
    response = see_other_path(_list(request, sent, sku))
    flash(request, response, gettext(request[LANG], message), kind)
    return response


def _list(request: web.Request, sent: Any, sku: Sku | None) -> str:
    urls, lang = request.app[URLS], request[LANG]
    if sku is not None and sent.get("from") == "product":
        return urls.path("backoffice.goods.product", lang, id=sku.product_id)
    # security: only the query comes from the form, and it is written anew.
    query = dict(parse_qsl(sent.get("back", "")[:1000]))
    anchor = f"#product-{sku.product_id}" if sku is not None else ""
    return urls.path("backoffice.goods", lang, query) + anchor


def _words(request: web.Request, words: dict[str, str]) -> dict[str, str]:
    return {value: gettext(request[LANG], word) for value, word in words.items()}
