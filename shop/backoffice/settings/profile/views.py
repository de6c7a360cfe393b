"""Name and contact, logo and sender, each on a page of its own."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from shop.backoffice.audit.models import Actor
from shop.backoffice.forms import VERSION
from shop.backoffice.pictures.views import brought
from shop.backoffice.settings.profile import service
from shop.backoffice.settings.profile.forms import IdentityForm, SenderForm, identity_in, sender_in
from shop.backoffice.settings.service import version_of
from shop.backoffice.settings.views import done, edited
from shop.backoffice.versions import EditConflict
from shop.backoffice.views import actor_of
from shop.cart.forms import whole_number
from shop.db import Connection
from shop.facts import facts
from shop.i18n import N_, gettext
from shop.keys import DB, LANG, SETTINGS
from shop.media.errors import MediaError
from shop.media.service import Stored
from shop.media.words import explained
from shop.profile import IDENTITY, LOGO, SENDER, Profile
from shop.web.bodies import UPLOADED, posted
from shop.web.flash import flash
from shop.web.respond import render, see_other


async def identity(request: web.Request) -> web.StreamResponse:
    """What the shop is called and where it is reached."""
    settings = request.app[SETTINGS]

    async def load(conn: Connection) -> dict[str, Any]:
        stated = await facts(conn, [IDENTITY])
        return {**identity_in(Profile.of(stated, settings)), "version": version_of(stated.get(IDENTITY))}

    async def save(conn: Connection, actor: Actor, form: IdentityForm) -> None:
        await service.change_identity(conn, actor, settings, form.edited, form.value)

    return await edited(request, IdentityForm, "identity", load, save, N_("Saved."))


async def sender(request: web.Request) -> web.StreamResponse:
    """Who mails come from."""
    settings = request.app[SETTINGS]

    async def load(conn: Connection) -> dict[str, Any]:
        stated = await facts(conn, [SENDER])
        return {**sender_in(Profile.of(stated, settings)), "version": version_of(stated.get(SENDER))}

    async def save(conn: Connection, actor: Actor, form: SenderForm) -> None:
        await service.change_sender(conn, actor, settings, form.edited, form.value)

    return await edited(request, SenderForm, "sender", load, save, N_("Saved."))


async def logo(request: web.Request) -> web.StreamResponse:
    """The picture in the header."""
    async with request.app[DB].read() as conn:
        stated = await facts(conn, [LOGO])
    profile, version = Profile.of(stated, request.app[SETTINGS]), version_of(stated.get(LOGO))
    return await render(request, "backoffice/settings/logo.html", logo=profile.logo, version=version)


async def set_logo(request: web.Request) -> web.StreamResponse:
    """Another picture in the header; it goes the way of every picture, so that no SVG gets there."""
    sent = request[UPLOADED]
    try:
        picture = await brought(request, sent.files.get("picture", b""))
    except MediaError as problem:
        return _to_logo(request, explained(problem)[1], "error")
    return await _changed_logo(request, sent.fields.get(VERSION), picture)


async def remove_logo(request: web.Request) -> web.StreamResponse:
    """The name alone stands in the header again."""
    return await _changed_logo(request, (await posted(request)).get(VERSION), None)


async def _changed_logo(request: web.Request, version: str | None, picture: Stored | None) -> web.Response:
    actor, seen = await actor_of(request), whole_number(version)
    try:
        async with request.app[DB].transaction() as conn:
            # A form without a version has seen none: no row is of -1.
            await service.change_logo(conn, actor, -1 if seen is None else seen, picture)
    except EditConflict:
        message = N_("Somebody else has changed the logo meanwhile. Look at it and decide again.")
        return _to_logo(request, message, "error")
    return done(request, N_("Saved."))


def _to_logo(request: web.Request, message: str, kind: Any) -> web.Response:
    response = see_other(request, "backoffice.settings.logo")
    flash(request, response, gettext(request[LANG], message), kind)
    return response
