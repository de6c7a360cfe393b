"""The pictures of a product on one page: several added at once, then dragged or moved into their order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aiohttp import web

from shop.backoffice.forms import VersionedForm
from shop.backoffice.goods.editor.views import asked_for
from shop.backoffice.goods.gallery import service
from shop.backoffice.goods.gallery.forms import LABELS, gallery_form
from shop.backoffice.pictures.views import brought
from shop.backoffice.versions import EditConflict
from shop.backoffice.views import actor_of, conflict_page
from shop.catalog.models import Product
from shop.catalog.pictures.models import ProductPicture
from shop.i18n import N_, gettext
from shop.keys import DB, LANG, URLS
from shop.media.errors import MediaError
from shop.media.words import explained
from shop.web.bodies import UPLOADED, posted
from shop.web.flash import flash
from shop.web.form_pages import WRONG, form_page
from shop.web.respond import see_other

TEMPLATE = "backoffice/goods/pictures.html"


async def gallery(request: web.Request) -> web.StreamResponse:
    """The pictures with their words; the button that was pressed says what else is wanted."""
    product, pictures = await _found(request)
    values = {**service.values_of(pictures), "version": product.version}
    kind = gallery_form(pictures)
    if request.method != "POST":
        return await _gallery_page(request, product, pictures, kind.blank(request, data=values))
    form, sent = await kind.read(request), await posted(request)
    if not form.validate():
        return await _gallery_page(request, product, pictures, form, status=WRONG)
    known = {str(picture.id): picture.id for picture in pictures}
    order = [known[one] for one in dict.fromkeys(sent.getall("picture", [])) if one in known]
    order += [picture.id for picture in pictures if picture.id not in order]
    return await _save(request, product, form, _wanted(order, sent.get("do", "")))


async def add(request: web.Request) -> web.StreamResponse:
    """Several pictures at once; the good ones stay when another is refused."""
    product, _ = await _found(request)
    stored: list[str] = []
    refusal: tuple[int, str] | None = None
    for data in request[UPLOADED].files.getall("pictures", []) or [b""]:
        try:
            stored.append((await brought(request, data)).fingerprint)
        except MediaError as problem:
            refusal = explained(problem)
    actor = await actor_of(request)
    if stored:
        async with request.app[DB].transaction() as conn:
            await service.hang(conn, actor, product.id, stored)
    response = see_other(request, "backoffice.goods.pictures", id=product.id)
    if refusal:
        flash(request, response, gettext(request[LANG], refusal[1]), "error")
    else:
        flash(request, response, gettext(request[LANG], N_("The pictures are there. Say what they show.")))
    return response


async def _save(request: web.Request, product: Product, form: VersionedForm, order: list[int]) -> web.StreamResponse:
    actor = await actor_of(request)
    try:
        async with request.app[DB].transaction() as conn:
            await service.arrange(conn, actor, product.id, order, form.data, version=form.edited)
    except EditConflict:
        now, pictures = await _found(request)
        back = request.app[URLS].path("backoffice.goods.pictures", request[LANG], id=now.id)
        theirs = service.values_of(pictures)
        return await conflict_page(request, form, theirs, now.version, back=back)
    response = see_other(request, "backoffice.goods.pictures", id=product.id)
    flash(request, response, gettext(request[LANG], N_("Saved.")))
    return response


def _wanted(order: list[int], do: str) -> list[int]:
    """The order after the button: "up 7", "down 7", "remove 7"; any other changes nothing."""
    verb, _, number = do.partition(" ")
    here = next((place for place, one in enumerate(order) if str(one) == number), None)
    if here is None:
        return order
    moved = order.pop(here)
    if verb != "remove":
        order.insert(min(max(here + {"up": -1, "down": 1}.get(verb, 0), 0), len(order)), moved)
    return order


async def _found(request: web.Request) -> tuple[Product, list[ProductPicture]]:
    async with request.app[DB].read() as conn:
        product = await asked_for(conn, request)
        return product, await service.pictures_of(conn, product.id)


async def _gallery_page(
    request: web.Request,
    product: Product,
    pictures: Sequence[ProductPicture],
    form: VersionedForm,
    *,
    status: int = 200,
) -> web.StreamResponse:
    rows = [(picture, [form[f"alt_{picture.id}_{lang}"] for lang in LABELS]) for picture in pictures]
    context: dict[str, Any] = {"product": product, "pictures": rows}
    return await form_page(request, TEMPLATE, form, status=status, **context)
