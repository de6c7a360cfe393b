"""What a mail would say at this moment, with words where its links will stand: a link that works is made only when it is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import UUID

from shop.accounts.queries import account_by_id, pending_registration
from shop.accounts.registration.service import ACTIVATION_SECONDS
from shop.accounts.security.models import NOTICES, Kind
from shop.backoffice.staff.queries import member_by_id
from shop.backoffice.staff.service import INVITATION_SECONDS
from shop.db import Connection
from shop.i18n import N_, gettext
from shop.mail import Mailer
from shop.money import format_money
from shop.orders.mails import ANSWERS, NEWS, told_in_mail
from shop.orders.queries import answer_to_return, lines_of, order_by_id
from shop.profile import Profile, profile_of
from shop.settings import Settings

LINK = N_("[The link is made when the mail is sent.]")
NOWHERE = "preview@localhost.localdomain"
# By the task that sends it: the folder of the template.
OF_ACCOUNTS = {
    "send_already_registered": "already_registered",
    "send_password_reset": "password_reset",
    "send_email_confirmation": "email_confirmation",
    "send_email_changed": "email_changed",
    "send_security_notice": "security_notice",
}
OF_ORDERS = {
    "send_order_placed": "placed",
    "send_order_paid": "paid",
    "send_order_shipped": "shipped",
    "send_order_cancelled": "cancelled",
    "send_order_refunded": "refunded",
    "send_new_order": "new",
    "send_to_shop": "new",
}
TO_SHOP = frozenset({"send_new_order", "send_to_shop"})
ABOUT_RETURNS = {"send_return_accepted": "return_accepted", "send_return_refused": "return_refused"}
TO_STAFF = {"send_staff_invitation": "staff_invitation", "send_staff_second_factor": "staff_second_factor"}


@dataclass(frozen=True, slots=True)
class Draft:
    """A template with everything it says."""

    mail: str
    name: str
    lang: str
    words: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Preview:
    """The mail as plain text."""

    subject: str
    text: str


async def preview(conn: Connection, settings: Settings, task: str, args: Mapping[str, Any]) -> Preview | None:
    """The mail of a promise as it would be written now; None where nobody would get one, or nothing is known of who would."""
    draft = await _draft(conn, settings, task.rpartition(".")[2], args)
    if draft is None:
        return None
    return await asyncio.to_thread(_written, settings, draft, await profile_of(conn, settings))


async def _draft(conn: Connection, settings: Settings, name: str, args: Mapping[str, Any]) -> Draft | None:
    if name == "send_activation":
        return await _activation(conn, settings, args)
    if name in OF_ACCOUNTS:
        return await _of_account(conn, settings, OF_ACCOUNTS[name], args)
    if name in ABOUT_RETURNS:
        return await _of_return(conn, settings, ABOUT_RETURNS[name], args)
    if name in TO_STAFF:
        return await _to_staff(conn, settings, TO_STAFF[name], args)
    return await _of_order(conn, settings, name, args) if name in OF_ORDERS else None


def _written(settings: Settings, draft: Draft, shop: Profile) -> Preview:
    write = partial(Mailer.of(settings).write, draft.mail, to=NOWHERE, reference=UUID(int=0), shop=shop)
    message = write(name=draft.name, lang=draft.lang, **draft.words)
    part = message.get_body(("plain",))
    return Preview(str(message["Subject"]), str(part.get_content()) if part else "")


async def _activation(conn: Connection, settings: Settings, args: Mapping[str, Any]) -> Draft | None:
    registration = await pending_registration(conn, args.get("registration_id") or 0)
    if registration is None:
        return None
    lang = _spoken(settings, registration.language)
    words = {"link": gettext(lang, LINK), "days": ACTIVATION_SECONDS // 86_400}
    return Draft("activation", registration.username, lang, words)


async def _of_account(conn: Connection, settings: Settings, mail: str, args: Mapping[str, Any]) -> Draft | None:
    account = await account_by_id(conn, args.get("account_id") or 0)
    if account is None or account.erased_at:
        return None
    lang = _spoken(settings, account.language)
    words = dict.fromkeys(("login", "reset") if mail == "already_registered" else ("link",), gettext(lang, LINK))
    if mail == "security_notice":
        what, explanation = (gettext(lang, text) for text in NOTICES[Kind(args["kind"])])
        words |= {"what": what, "explanation": explanation}
    return Draft(mail, account.username, lang, words)


async def _of_order(conn: Connection, settings: Settings, name: str, args: Mapping[str, Any]) -> Draft | None:
    order = await order_by_id(conn, args.get("order_id") or 0)
    if order is None:
        return None
    lang = settings.languages[0] if name in TO_SHOP else _spoken(settings, order.lang)
    subject, opening = NEWS[args.get("news", OF_ORDERS[name])]
    amount = args.get("amount")
    words = told_in_mail(order, await lines_of(conn, order.id), lang, settings.timezone) | {
        "subject": subject,
        "opening": opening,
        "number": order.number,
        "amount": format_money(amount, order.currency, lang) if amount else "",
        "link": gettext(lang, LINK),
    }
    return Draft("order", order.address.get("receiver", ""), lang, words)


async def _of_return(conn: Connection, settings: Settings, answer: str, args: Mapping[str, Any]) -> Draft | None:
    order = await order_by_id(conn, args.get("order_id") or 0)
    if order is None:
        return None
    lang, (subject, opening) = _spoken(settings, order.lang), ANSWERS[answer]
    words = {
        "subject": subject,
        "opening": opening,
        "number": order.number,
        "reason": await answer_to_return(conn, order.id),
        "link": gettext(lang, LINK),
    }
    return Draft("return_answer", order.address.get("receiver", ""), lang, words)


async def _to_staff(conn: Connection, settings: Settings, mail: str, args: Mapping[str, Any]) -> Draft | None:
    member = await member_by_id(conn, args.get("staff_id") or 0)
    if member is None or member.disabled_at:
        return None
    lang = _spoken(settings, member.language)
    words: dict[str, Any] = {"link": gettext(lang, LINK)}
    if mail == "staff_invitation":
        words |= {"hours": INVITATION_SECONDS // 3600, "is_new": member.activated_at is None}
    return Draft(mail, member.name, lang, words)


def _spoken(settings: Settings, lang: str) -> str:
    return lang if lang in settings.languages else settings.languages[0]
