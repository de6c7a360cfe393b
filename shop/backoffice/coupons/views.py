"""Coupons: a list, and one of them to be made or changed."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from shop.backoffice.audit.queries import history_of
from shop.backoffice.coupons import service
from shop.backoffice.coupons.forms import CouponForm, values_of
from shop.backoffice.forms import ListForm
from shop.backoffice.versions import EditConflict
from shop.backoffice.views import PAGE_SIZE, actor_of, after_of, chosen_in, conflict_page, number_in
from shop.coupons.models import Coupon
from shop.coupons.queries import code_key
from shop.db import CheckViolation, Connection, UniqueViolation
from shop.i18n import N_, gettext
from shop.keys import DB, LANG, URLS
from shop.web.flash import flash
from shop.web.form_pages import WRONG, form_page
from shop.web.respond import render, see_other

TEMPLATE = "backoffice/coupons/coupon.html"


async def coupons(request: web.Request) -> web.StreamResponse:
    """The newest first."""
    form = ListForm.of(request)
    async with request.app[DB].read() as conn:
        found = Coupon.objects.using(conn).order_by("-id")
        if form.q.data:
            found = found.filter(code__startswith=code_key(form.q.data))
        page = await found.page(PAGE_SIZE, after=after_of(request))
    return await render(request, "backoffice/coupons/list.html", form=form, page=page, chosen=chosen_in(form))


async def new_coupon(request: web.Request) -> web.StreamResponse:
    """A new one; without a code it gets one."""
    is_sent = request.method == "POST"
    form = await CouponForm.read(request) if is_sent else CouponForm.blank(request)
    if not is_sent or not form.validate():
        return await _page(request, form, status=WRONG if is_sent else 200)
    actor = await actor_of(request)
    try:
        async with request.app[DB].transaction() as conn:
            await service.add(conn, actor, form.code.data or "", form.values)
    except UniqueViolation:
        form.wrong(form.code, N_("There is a coupon with this code."))
        return await _page(request, form, status=WRONG)
    return _done(request)


async def coupon(request: web.Request) -> web.StreamResponse:
    """One of them; whoever saves second is shown both versions."""
    async with request.app[DB].read() as conn:
        found = await _asked_for(conn, request)
    if request.method != "POST":
        return await _page(request, CouponForm.blank(request, data=values_of(found)), found)
    form = await CouponForm.read(request)
    if not form.validate():
        return await _page(request, form, found, status=WRONG)
    return await _save(request, found, form)


async def _save(request: web.Request, found: Coupon, form: CouponForm) -> web.StreamResponse:
    actor = await actor_of(request)
    try:
        async with request.app[DB].transaction() as conn:
            await service.change(conn, actor, found, form.edited, form.values)
    except EditConflict:
        async with request.app[DB].read() as conn:
            now = await _asked_for(conn, request)
        back = request.app[URLS].path("backoffice.coupons.coupon", request[LANG], id=now.id)
        return await conflict_page(request, form, values_of(now), now.version, back=back)
    except CheckViolation:
        form.wrong(form.limit, N_("More orders than that have used it already."))
        return await _page(request, form, found, status=WRONG)
    return _done(request)


async def _page(
    request: web.Request, form: CouponForm, found: Coupon | None = None, *, status: int = 200
) -> web.StreamResponse:
    history: list[Any] = []
    if found is not None:
        async with request.app[DB].read() as conn:
            history = await history_of(conn, f"coupon:{found.id}")
    return await form_page(request, TEMPLATE, form, status=status, coupon=found, history_entries=history)


async def _asked_for(conn: Connection, request: web.Request) -> Coupon:
    found = await Coupon.objects.using(conn).filter(id=number_in(request)).first()
    if found is None:
        raise web.HTTPNotFound
    return found


def _done(request: web.Request) -> web.Response:
    response = see_other(request, "backoffice.coupons")
    flash(request, response, gettext(request[LANG], "Saved."))
    return response
