"""Reviews: read, shown to everybody or hidden."""

from __future__ import annotations

from aiohttp import web

from shop.backoffice.audit import service as audit
from shop.backoffice.reviews.forms import ReviewsForm
from shop.backoffice.views import PAGE_SIZE, actor_of, after_of, chosen_in, number_in
from shop.i18n import N_, gettext
from shop.keys import DB, LANG
from shop.reviews.models import Review, ReviewStatus
from shop.reviews.service import moderate
from shop.web.flash import flash
from shop.web.respond import render, see_other


async def reviews(request: web.Request) -> web.StreamResponse:
    """Those in one state, the oldest first, so that nobody waits for ever."""
    form = ReviewsForm.of(request)
    status = ReviewStatus(form.status.data or ReviewStatus.PENDING)
    async with request.app[DB].read() as conn:
        found = Review.objects.using(conn).filter(status=status).select_related("product", "account")
        page = await found.order_by("id").page(PAGE_SIZE, after=after_of(request))
    return await render(request, "backoffice/reviews/list.html", form=form, page=page, chosen=chosen_in(form))


async def show(request: web.Request) -> web.StreamResponse:
    """Everybody may read it."""
    return await _decide(request, ReviewStatus.SHOWN, "review.shown", N_("The review is shown."))


async def hide(request: web.Request) -> web.StreamResponse:
    """Nobody else sees it; its writer still does."""
    return await _decide(request, ReviewStatus.HIDDEN, "review.hidden", N_("The review is hidden."))


async def _decide(request: web.Request, status: ReviewStatus, deed: str, told: str) -> web.StreamResponse:
    actor = await actor_of(request)
    async with request.app[DB].transaction() as conn:
        found = await Review.objects.using(conn).filter(id=number_in(request)).select_for_update().first()
        if found is None:
            raise web.HTTPNotFound
        await moderate(conn, found.id, status)
        await audit.record(conn, actor, deed, f"review:{found.id}", {"status": found.status}, {"status": status})
    response = see_other(request, "backoffice.reviews")
    flash(request, response, gettext(request[LANG], told))
    return response
