"""The blocks of the home page in their order, one of them to be written, and the page as it would look."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from shop.backoffice.audit.queries import history_of
from shop.backoffice.categories.views import indented
from shop.backoffice.content.blocks import queries, service
from shop.backoffice.content.blocks.forms import KINDS, BlockForm, PreviewForm, words_in
from shop.backoffice.content.blocks.queries import Goods
from shop.backoffice.content.forms import wanted_order
from shop.backoffice.goods.texts import spread
from shop.backoffice.pictures.views import brought
from shop.backoffice.versions import EditConflict
from shop.backoffice.views import actor_of, confirm_page, conflict_page, number_in
from shop.catalog.categories.queries import category_rail
from shop.content.models import Block, BlockKind
from shop.content.queries import home_blocks
from shop.db import Connection
from shop.i18n import N_, gettext, text_in
from shop.keys import DB, LANG, URLS
from shop.media.errors import MediaError
from shop.media.words import explained
from shop.web.bodies import UPLOADED
from shop.web.flash import flash
from shop.web.form_pages import WRONG, form_page
from shop.web.respond import render, see_other

TEMPLATE = "backoffice/blocks/block.html"


async def blocks(request: web.Request) -> web.StreamResponse:
    """All of them in their order, also what is hidden or of another time."""
    async with request.app[DB].read() as conn:
        found = await queries.every_block(conn)
        categories = await indented(conn, request[LANG])
    context: dict[str, Any] = {
        "blocks": found,
        "categories": {number: name.strip() for number, name in categories.items()},
        "kinds": {kind: gettext(request[LANG], word) for kind, word in KINDS.items()},
        "now": datetime.now(UTC),
        "preview": PreviewForm.of(request),
    }
    return await render(request, "backoffice/blocks/list.html", **context)


async def arrange(request: web.Request) -> web.StreamResponse:
    """The blocks as they were dragged, or one of them a place up or down."""
    order, actor = await wanted_order(request), await actor_of(request)
    async with request.app[DB].transaction() as conn:
        await service.arrange(conn, actor, order)
    return _done(request, N_("Saved."))


async def preview(request: web.Request) -> web.StreamResponse:
    """The home page at a moment, with one block besides, hidden or not; only the staff see this."""
    form = PreviewForm.of(request)
    besides = request.query.get("block", "")
    number = int(besides) if besides.isascii() and besides.isdigit() and len(besides) <= 18 else None
    async with request.app[DB].read() as conn:
        rail = await category_rail(conn, request[LANG])
        shown = await home_blocks(conn, request[LANG], at=form.at.data, besides=number)
    return await render(request, "backoffice/blocks/preview.html", categories=rail, blocks=shown, at=form.at.data)


async def new_block(request: web.Request) -> web.StreamResponse:
    """Another block of the kind in the path."""
    kind = next((kind for kind in BlockKind if kind == request.match_info["kind"]), None)
    if kind is None:
        raise web.HTTPNotFound
    is_sent = request.method == "POST"
    form = await _form(request, sent=is_sent)
    checked = await _checked(request, kind, form) if is_sent else None
    if checked is None:
        return await _block_page(request, kind, None, form, status=WRONG if is_sent else 200)
    actor = await actor_of(request)
    async with request.app[DB].transaction() as conn:
        made = await service.create(conn, actor, kind, *checked)
    return _back_to(request, made, N_("Saved."))


async def block(request: web.Request) -> web.StreamResponse:
    """One of them; whoever saves second is shown both versions."""
    async with request.app[DB].read() as conn:
        found = await _asked_for(conn, request)
        values = await _values_of(conn, found)
    is_sent = request.method == "POST"
    form = await _form(request, sent=is_sent, data={**values, "version": found.version})
    checked = await _checked(request, found.kind, form) if is_sent else None
    if checked is None:
        return await _block_page(request, found.kind, found, form, status=WRONG if is_sent else 200)
    actor = await actor_of(request)
    try:
        async with request.app[DB].transaction() as conn:
            await service.change(conn, actor, found, form.edited, *checked)
    except EditConflict:
        return await _conflict(request, form)
    return _back_to(request, found.id, N_("Saved."))


async def remove(request: web.Request) -> web.StreamResponse:
    """The end of a block."""
    async with request.app[DB].read() as conn:
        found = await _asked_for(conn, request)
    if request.method != "POST":
        return await confirm_page(
            request,
            title=gettext(request[LANG], "Delete this block?"),
            text=text_in(found.title, request[LANG]) or gettext(request[LANG], KINDS[found.kind]),
            button=gettext(request[LANG], "Delete"),
            back=_path(request, found),
        )
    actor = await actor_of(request)
    async with request.app[DB].transaction() as conn:
        await service.remove(conn, actor, found)
    return _done(request, N_("The block is deleted."))


async def add_picture(request: web.Request) -> web.StreamResponse:
    """The picture of a block."""
    async with request.app[DB].read() as conn:
        found = await _asked_for(conn, request)
    try:
        stored = await brought(request, request[UPLOADED].files.get("picture", b""))
    except MediaError as problem:
        return _back_to(request, found.id, explained(problem)[1], "error")
    return await _hang(request, found, stored.fingerprint)


async def remove_picture(request: web.Request) -> web.StreamResponse:
    """The block without a picture."""
    async with request.app[DB].read() as conn:
        found = await _asked_for(conn, request)
    return await _hang(request, found, None)


async def _hang(request: web.Request, found: Block, fingerprint: str | None) -> web.StreamResponse:
    actor = await actor_of(request)
    async with request.app[DB].transaction() as conn:
        await service.set_picture(conn, actor, found, fingerprint)
    return _back_to(request, found.id, N_("Saved."))


async def _form(request: web.Request, *, sent: bool, data: dict[str, Any] | None = None) -> BlockForm:
    form = await BlockForm.read(request) if sent else BlockForm.blank(request, data=data)
    async with request.app[DB].read() as conn:
        categories = await indented(conn, request[LANG])
        pages = await queries.page_names(conn, request[LANG])
    none: dict[Any, str] = {0: "–"}
    form.category.choices, form.page.choices = none | categories, none | dict[Any, str](pages)
    return form


async def _checked(request: web.Request, kind: BlockKind, form: BlockForm) -> tuple[dict[str, Any], Goods] | None:
    """What is to be saved; None where the form says what is wrong."""
    if not (form.validate() & form.fits(kind)):
        return None
    is_shelf = kind is BlockKind.SHELF
    wanted = {name: words_in(form[name].data) for name in (("pictured", "worded") if is_shelf else ("product",))}
    async with request.app[DB].read() as conn:
        known = await queries.products_called(conn, {word for words in wanted.values() for word in words})
    for name, words in wanted.items():
        if unknown := [word for word in words if word not in known]:
            form.wrong(form[name], N_("There are no goods called %(code)s."), code=unknown[0])
            return None
    found = {name: list(dict.fromkeys(known[word] for word in words)) for name, words in wanted.items()}
    target = next(iter(found.get("product", ())), None)
    return form.values(kind, target), Goods(found.get("pictured", ()), found.get("worded", ()))


async def _values_of(conn: Connection, found: Block) -> dict[str, Any]:
    """A block as the fields of its form hold it."""
    goods = await queries.goods_of(conn, found.id)
    named = [*goods.pictured, *goods.worded, *([found.product_id] if found.product_id else [])]
    words = await queries.words_for(conn, named)
    return {
        **spread(title=found.title, text=found.text),
        **{name: getattr(found, name) for name in ("tone", "starts_at", "ends_at", "is_visible")},
        "category": found.category_id or 0,
        "product": words.get(found.product_id or 0, ""),
        "page": found.page_id or 0,
        "pictured": "\n".join(words[number] for number in goods.pictured),
        "worded": "\n".join(words[number] for number in goods.worded),
    }


async def _conflict(request: web.Request, form: BlockForm) -> web.StreamResponse:
    async with request.app[DB].read() as conn:
        now = await _asked_for(conn, request)
        values = await _values_of(conn, now)
    return await conflict_page(request, form, values, now.version, back=_path(request, now))


async def _block_page(
    request: web.Request, kind: BlockKind, found: Block | None, form: BlockForm, *, status: int = 200
) -> web.StreamResponse:
    history = []
    if found is not None:
        async with request.app[DB].read() as conn:
            history = await history_of(conn, f"block:{found.id}")
    context: dict[str, Any] = {
        "block": found,
        "kind": kind,
        "kind_name": gettext(request[LANG], KINDS[kind]),
        "history_entries": history,
    }
    return await form_page(request, TEMPLATE, form, status=status, **context)


async def _asked_for(conn: Connection, request: web.Request) -> Block:
    found = await Block.objects.using(conn).filter(id=number_in(request)).first()
    if found is None:
        raise web.HTTPNotFound
    return found


def _path(request: web.Request, found: Block) -> str:
    return request.app[URLS].path("backoffice.blocks.block", request[LANG], id=found.id)


def _back_to(request: web.Request, block_id: int, message: str, kind: Any = "success") -> web.Response:
    response = see_other(request, "backoffice.blocks.block", id=block_id)
    flash(request, response, gettext(request[LANG], message), kind)
    return response


def _done(request: web.Request, message: str) -> web.Response:
    response = see_other(request, "backoffice.blocks")
    flash(request, response, gettext(request[LANG], message))
    return response
