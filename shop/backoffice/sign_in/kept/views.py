"""A form that came too late, shown once more: nothing of it was saved, and one press sends it again."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web
from multidict import MultiDict
from wtforms import Field
from wtforms.widgets import HiddenInput

from shop.backoffice.views import told
from shop.keys import LANG
from shop.web.fields import facts_of
from shop.web.forms import Form
from shop.web.kept_forms import FIELD, KeptForm, kept_form
from shop.web.next_page import own_page
from shop.web.respond import render
from shop.web.routing import DECLARED
from shop.web.staff import signed_in_staff

# A field of hand-made forms is shown unless it is one of these.
UNSEEN: Final = frozenset({"version"})


async def kept(request: web.Request) -> web.StreamResponse:
    """What will be sent, field by field; security: only a person's press sends it, with a token of the new session."""
    staff = await signed_in_staff(request)
    found = await kept_form(request, request.match_info["id"], staff.staff_id)
    if found is None:
        return await render(request, "backoffice/kept_no_more.html", status=404)
    context: dict[str, Any] = {
        "path": found.path,
        "rows": rows_of(request, found),
        "sent": [*found.fields, (FIELD, found.kept_id)],
        "back": await own_page(request, found.path),
    }
    return await render(request, "backoffice/kept.html", **context)


def rows_of(request: web.Request, found: KeptForm) -> list[tuple[str, str]]:
    """(label, value) of every field somebody saw, in the words of the form it came from; by its bare name where no form has it."""
    fields = _fields_of(request, found)
    return [
        (fields[name].label.text, told(fields[name], fields[name].data)) if name in fields else (name, value)
        for name, value in dict(found.fields).items()
        if value and name not in UNSEEN and not (name in fields and isinstance(fields[name].widget, HiddenInput))
    ]


def _fields_of(request: web.Request, found: KeptForm) -> Mapping[str, Field]:
    """The fields of the form that the route's own module reads; where it reads several, of the one that fits best."""
    view = request.app[DECLARED][found.route].view
    known = [one for one in vars(sys.modules[view.__module__]).values() if isinstance(one, type)]
    names = {name for name, _ in found.fields}
    forms = [
        one(MultiDict(found.fields), lang=request[LANG], facts=facts_of(request))
        for one in known
        if issubclass(one, Form)
    ]
    fitting: dict[str, Field] = max(
        (form._fields for form in forms), key=lambda has: len(names & has.keys()), default={}
    )
    return fitting
