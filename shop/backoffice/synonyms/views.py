"""Synonyms, and beside them the searches that found nothing, which say what is missing."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from shop.backoffice.audit import service as audit
from shop.backoffice.reports.queries import searched_in_vain
from shop.backoffice.synonyms.forms import SynonymsForm
from shop.backoffice.views import actor_of, number_in
from shop.i18n import N_, gettext
from shop.keys import DB, LANG
from shop.search.models import Synonyms
from shop.search.service import add_synonyms, forget_miss, remove_synonyms
from shop.web.bodies import posted
from shop.web.flash import flash
from shop.web.form_pages import WRONG
from shop.web.respond import render, see_other

MOST = 500


async def synonyms(request: web.Request) -> web.StreamResponse:
    """All groups of words, a form for one more, and what was searched in vain."""
    if request.method != "POST":
        first = {"words": request.query.get("words", "")[:100]}
        return await _page(request, SynonymsForm.blank(request, data=first))
    form = await SynonymsForm.read(request)
    if not form.validate():
        return await _page(request, form, status=WRONG)
    actor = await actor_of(request)
    try:
        async with request.app[DB].transaction() as conn:
            await add_synonyms(conn, form.wanted)
            made = await Synonyms.objects.using(conn).latest("id")
            await audit.record(conn, actor, "synonym.created", f"synonym:{made.id}", None, {"words": made.words})
    except ValueError:
        form.wrong(form.words, N_("Enter at least two words."))
        return await _page(request, form, status=WRONG)
    return _done(request, N_("Saved."))


async def remove(request: web.Request) -> web.StreamResponse:
    """The end of one group."""
    actor = await actor_of(request)
    async with request.app[DB].transaction() as conn:
        found = await Synonyms.objects.using(conn).filter(id=number_in(request)).first()
        if found is None:
            raise web.HTTPNotFound
        await remove_synonyms(conn, found.id)
        await audit.record(conn, actor, "synonym.deleted", f"synonym:{found.id}", {"words": found.words}, None)
    return _done(request, N_("These words no longer stand for each other."))


async def forget(request: web.Request) -> web.StreamResponse:
    """A search in vain that needs nobody's attention any more."""
    words = (await posted(request)).get("words", "")
    async with request.app[DB].transaction() as conn:
        await forget_miss(conn, words)
    return see_other(request, "backoffice.synonyms")


async def _page(request: web.Request, form: SynonymsForm, *, status: int = 200) -> web.StreamResponse:
    async with request.app[DB].read() as conn:
        known = await Synonyms.objects.using(conn).order_by("-id")[:MOST]
        misses = await searched_in_vain(conn)
    context: dict[str, Any] = {"form": form, "groups": known, "misses": misses}
    return await render(request, "backoffice/synonyms/synonyms.html", status=status, **context)


def _done(request: web.Request, told: str) -> web.Response:
    response = see_other(request, "backoffice.synonyms")
    flash(request, response, gettext(request[LANG], told))
    return response
