"""Answers to forms: shown again with what is wrong in them, or with when to try again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from aiohttp import web

from shop.i18n import ngettext
from shop.keys import LANG, PASSWORDS
from shop.limits import Try
from shop.passwords import TooBusy
from shop.web.forms import Form
from shop.web.respond import render

WRONG: Final = 422


async def form_page(
    request: web.Request, template: str, form: Form, *, status: int = 200, **context: Any
) -> web.StreamResponse:
    """A page with a form: as it is, or with what is wrong in it."""
    return await render(request, template, form=form, status=status, **context)


async def too_many(request: web.Request, template: str, form: Form, attempt: Try, **context: Any) -> web.StreamResponse:
    """429: the form with what was typed, and when to try again."""
    minutes = -(-attempt.wait // 60)
    form.form_errors.append(
        ngettext(
            request[LANG],
            "Too many attempts. Try again in %(num)s minute.",
            "Too many attempts. Try again in %(num)s minutes.",
            minutes,
        )
    )
    headers: Mapping[str, str] = {"Retry-After": str(attempt.wait)}
    return await render(request, template, form=form, status=429, headers=headers, **context)


@contextmanager
def place_to_hash(request: web.Request) -> Iterator[None]:
    """A place for hashing a password, kept from the beginning of a request; 503 at once when there is none."""
    try:
        with request.app[PASSWORDS].place():
            yield
    except TooBusy:
        raise web.HTTPServiceUnavailable from None
