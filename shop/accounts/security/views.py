"""The safety of an account on one page: what protects it, and what happened."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from aiohttp import web

from shop.accounts.security.models import Kind
from shop.accounts.security.queries import events_of
from shop.accounts.security.second_factor.service import CUSTOMERS as SECOND_FACTORS
from shop.accounts.views import owner_of
from shop.i18n import N_, gettext
from shop.keys import DB, LANG
from shop.web.respond import render

# Each in the words of the owner, who may be alarmed.
TOLD: Final[Mapping[str, str]] = {
    Kind.REGISTERED: N_("Account registered"),
    Kind.REGISTERED_AGAIN: N_("Somebody tried to register with your address"),
    Kind.ACTIVATED: N_("E-mail confirmed, account opened"),
    Kind.SIGNED_IN: N_("Signed in"),
    Kind.SIGN_IN_FAILED: N_("Failed sign-in"),
    Kind.SIGNED_OUT: N_("Signed out"),
    Kind.SESSIONS_ENDED: N_("Signed out on other devices"),
    Kind.PASSWORD_CHANGED: N_("Password changed"),
    Kind.PASSWORD_RESET_ASKED: N_("Link for a new password asked for"),
    Kind.PASSWORD_RESET: N_("Password set anew by mail"),
    Kind.EMAIL_CHANGE_ASKED: N_("Change of e-mail address asked for"),
    Kind.EMAIL_CHANGED: N_("E-mail address changed"),
    Kind.SECOND_FACTOR_ON: N_("Second factor switched on"),
    Kind.SECOND_FACTOR_OFF: N_("Second factor switched off"),
    Kind.RECOVERY_CODES_MADE: N_("New recovery codes made"),
    Kind.RECOVERY_CODE_USED: N_("Recovery code used"),
    Kind.DATA_EXPORTED: N_("Personal data downloaded"),
    Kind.ERASED: N_("Account erased"),
}


async def security(request: web.Request) -> web.StreamResponse:
    """What protects the account, and the record of what happened to it."""
    async with request.app[DB].read() as conn:
        account = await owner_of(conn, request)
        events = await events_of(conn, account.id)
        is_on = await SECOND_FACTORS.is_on(conn, account.id)
        left = await SECOND_FACTORS.codes_left(conn, account.id)
    told = [(gettext(request[LANG], TOLD[event.kind]), event) for event in events]
    return await render(
        request, "accounts/security.html", account=account, events=told, second_factor=is_on, codes_left=left
    )
