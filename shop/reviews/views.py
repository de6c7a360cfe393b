"""Writing a review."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from shop.cart.forms import whole_number
from shop.catalog.queries import products_by_ids
from shop.i18n import gettext
from shop.keys import DB, LANG
from shop.reviews.forms import ReviewForm
from shop.reviews.models import STARS, NotBought
from shop.reviews.queries import review_by, was_brought
from shop.reviews.service import write_review
from shop.web.access import visitor_of
from shop.web.flash import flash
from shop.web.respond import render, see_other

WRONG: Final = 422


async def review(request: web.Request) -> web.StreamResponse:
    """The form for one product one was brought; whoever was not finds no such page."""
    visitor = await visitor_of(request)
    product_id = whole_number(request.match_info["product"])
    assert visitor.account_id is not None, "behind the door `signed_in`"
    async with request.app[DB].read() as conn:
        if product_id is None or not await was_brought(conn, visitor.account_id, product_id):
            raise web.HTTPNotFound
        before = await review_by(conn, visitor.account_id, product_id)
        cards = await products_by_ids(conn, [product_id], request[LANG])
    data = {"stars": str(before.stars), "text": before.text} if before else None
    form = await ReviewForm.read(request) if request.method == "POST" else ReviewForm.blank(request, data=data)
    if request.method == "POST" and form.validate():
        return await _write(request, visitor.account_id, product_id, form)
    return await render(
        request,
        "reviews/review.html",
        status=WRONG if request.method == "POST" else 200,
        form=form,
        product_id=product_id,
        card=cards[0] if cards else None,
        all_stars=STARS,
    )


async def _write(request: web.Request, account_id: int, product_id: int, form: ReviewForm) -> web.StreamResponse:
    stars, lang = int(form.stars.data or 0), request[LANG]
    try:
        async with request.app[DB].transaction() as conn:
            await write_review(conn, account_id, product_id, stars=stars, text=form.text.data or "", lang=lang)
    except NotBought:
        raise web.HTTPNotFound from None
    response = see_other(request, "orders.orders")
    flash(request, response, gettext(lang, "Thank you! Others see your review once we have read it."))
    return response
