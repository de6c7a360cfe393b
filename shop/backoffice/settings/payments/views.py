"""The ways to pay on one page."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from shop.backoffice.audit.models import Actor
from shop.backoffice.settings.payments import service
from shop.backoffice.settings.payments.forms import NAMES, MethodsForm, methods_in
from shop.backoffice.settings.service import version_of
from shop.backoffice.settings.views import edited
from shop.db import Connection
from shop.facts import facts
from shop.i18n import N_, gettext
from shop.keys import LANG, SETTINGS
from shop.orders.methods import METHODS, Offer, offer_of

# What the host has to be told before one of them can be offered; nobody pays with the test bank in a real shop.
SET_UP: Final = {
    "cash": N_("Not set up: add cash to SHOP_PAYMENT_METHODS and start the shop again."),
    "alipay": N_(
        "Not set up: add alipay to SHOP_PAYMENT_METHODS, set SHOP_PAYMENT_ALIPAY_APP_ID, SHOP_PAYMENT_ALIPAY_SELLER_ID and "
        "both SHOP_PAYMENT_ALIPAY_…_KEY files, and start the shop again."
    ),
}


async def methods(request: web.Request) -> web.StreamResponse:
    """Which are offered, in which order, and for which totals."""
    settings = request.app[SETTINGS]
    configured = [name for name in settings.payment_methods if name in NAMES]

    async def load(conn: Connection) -> dict[str, Any]:
        stated = (await facts(conn, [METHODS])).get(METHODS)
        offer = Offer.of(stated.value if stated else None, configured, settings.cash_ceiling)
        return {**methods_in(offer), "version": version_of(stated)}

    async def save(conn: Connection, actor: Actor, form: MethodsForm) -> None:
        before = await offer_of(conn, configured, settings.cash_ceiling)
        await service.change_methods(conn, actor, form.edited, before, form.methods(configured))

    missing = {name: gettext(request[LANG], text) for name, text in SET_UP.items() if name not in configured}
    return await edited(
        request,
        MethodsForm,
        "payments",
        load,
        save,
        N_("Saved."),
        fits=lambda form: form.fits(configured),
        configured=configured,
        missing=missing,
    )
