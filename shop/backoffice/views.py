"""The start page of the back office, and what the views of all its sections share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from aiohttp import web
from wtforms import HiddenField

from shop.backoffice.audit.models import Actor, AuditEntry
from shop.backoffice.audit.queries import entries
from shop.backoffice.forms import VERSION
from shop.backoffice.mails.queries import count_dead
from shop.backoffice.orders.queries import count_returns, count_to_pack
from shop.db import Connection
from shop.i18n import N_
from shop.keys import DB
from shop.reviews.queries import count_unread_reviews
from shop.web.bodies import posted
from shop.web.csrf import FIELD
from shop.web.forms import Form
from shop.web.peers import address_of
from shop.web.respond import render
from shop.web.staff import Permission, signed_in_staff

PAGE_SIZE: Final = 50
LATEST: Final = 8
LARGEST_ID: Final = 2**63 - 1
# What waits for somebody, as the start page counts it: who may see it, and how many there are.
WAITING: Final[Mapping[str, tuple[Permission, Callable[[Connection], Awaitable[int]]]]] = {
    "orders": (Permission.ORDERS, count_to_pack),
    "returns": (Permission.ORDERS, count_returns),
    "reviews": (Permission.CUSTOMERS, count_unread_reviews),
    "mails": (Permission.CUSTOMERS, count_dead),
}


async def dashboard(request: web.Request) -> web.StreamResponse:
    """Where a working day begins: what one may do here, and what was done last."""
    staff = await signed_in_staff(request)
    narrowed: dict[str, Any] = {} if staff.may(Permission.STAFF) else {"staff_id": staff.staff_id}
    async with request.app[DB].read() as conn:
        latest: list[AuditEntry] = (await entries(conn, LATEST, **narrowed)).items
        waiting = {name: await count(conn) for name, (permission, count) in WAITING.items() if staff.may(permission)}
    return await render(request, "backoffice/dashboard.html", latest=latest, waiting=waiting)


async def actor_of(request: web.Request) -> Actor:
    """Who does something, for `audit.record`; behind a `staff_only` door."""
    staff = await signed_in_staff(request)
    return Actor(staff.staff_id, staff.name, address_of(request))


def number_in(request: web.Request, name: str = "id") -> int:
    """A number of the path; what cannot be one is not found."""
    text = request.match_info[name]
    if not (text.isascii() and text.isdigit() and len(text) <= 19 and int(text) <= LARGEST_ID):
        raise web.HTTPNotFound
    return int(text)


def after_of(request: web.Request) -> str | None:
    """Where the page of a list begins, for `QuerySet.page`."""
    return request.query.get("after") or None


def chosen_in(form: Form) -> dict[str, str]:
    """The filters of a list form that are set, for the links that keep them."""
    return {field.short_name: str(field.data) for field in form if field.data and not isinstance(field, HiddenField)}


async def conflict_page(
    request: web.Request, form: Form, theirs: Mapping[str, object], version: int, *, back: str
) -> web.StreamResponse:
    """409: somebody saved meanwhile. Shows both versions field by field; what was typed can still be saved over theirs.

    `theirs` holds the values by field name as they stand now in words or as the fields would hold them, `version` is theirs.
    """
    sent = [(name, value) for name, value in (await posted(request)).items() if name not in {FIELD, VERSION}]
    rows = [
        (field.label.text, told(field, field.data), told(field, theirs[field.short_name]))
        for field in form
        if field.short_name in theirs
    ]
    context: dict[str, Any] = {"rows": rows, "sent": [*sent, (VERSION, version)], "back": back, "form": form}
    return await render(request, "backoffice/conflict.html", status=409, **context)


async def confirm_page(
    request: web.Request, *, title: str, text: str, button: str, back: str, is_dangerous: bool = True
) -> web.StreamResponse:
    """A question before something that cannot be undone; the page's form posts to the path it stands on."""
    context: dict[str, Any] = {
        "title": title,
        "text": text,
        "button": button,
        "back": back,
        "is_dangerous": is_dangerous,
    }
    return await render(request, "backoffice/confirm.html", **context)


def told(field: Any, value: object) -> str:
    """A value as the field's own choices call it."""
    if hasattr(field, "told"):
        return str(field.told(value))
    if isinstance(value, bool):
        return str(field.gettext(N_("Yes") if value else N_("No")))
    has_choices = getattr(field, "choices", None) is not None
    choices = {str(key): str(label) for key, label, *_ in field.iter_choices()} if has_choices else {}
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(choices.get(str(one), str(one)) for one in value)
    return "" if value is None else choices.get(str(value), str(value))
