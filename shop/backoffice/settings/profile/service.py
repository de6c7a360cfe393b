"""The shop introduces itself otherwise, with an entry in the log; every process hears of it by the database."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from shop.backoffice.audit.models import Actor
from shop.backoffice.settings.service import edit
from shop.db import Connection
from shop.facts import facts
from shop.media.service import Stored
from shop.profile import IDENTITY, LOGO, SENDER, Profile
from shop.settings import Settings

# How the log calls the shop's own contact, which is nobody's person: what is called "phone" there is hidden.
IN_THE_LOG: Final = {"phone": "shop_phone", "email": "shop_mail", "address": "shop_address", "hours": "opening_hours"}


async def change_identity(
    conn: Connection, actor: Actor, settings: Settings, version: int, value: Mapping[str, Any]
) -> None:
    """Another name or contact; raises EditConflict."""
    profile = Profile.of(await facts(conn, [IDENTITY]), settings)
    before = {name: getattr(profile, name) for name in value}
    await edit(conn, actor, IDENTITY, value, version, told=(_told(before), _told(value)))


async def change_sender(
    conn: Connection, actor: Actor, settings: Settings, version: int, value: Mapping[str, Any]
) -> None:
    """Mails come from another address; raises EditConflict."""
    profile = Profile.of(await facts(conn, [SENDER]), settings)
    before = {"name": profile.sender_name, "sender": profile.sender_address}
    after = {"name": value["name"], "sender": value["address"]}
    await edit(conn, actor, SENDER, value, version, told=(before, after))


async def change_logo(conn: Connection, actor: Actor, version: int, picture: Stored | None) -> None:
    """This picture stands in the header, or the name alone; raises EditConflict."""
    stated = (await facts(conn, [LOGO])).get(LOGO)
    before = stated.picture if stated else None
    value = {} if picture is None else {"width": picture.width, "height": picture.height}
    after = None if picture is None else picture.fingerprint
    await edit(conn, actor, LOGO, value, version, told=({"picture": before}, {"picture": after}), picture=after)


def _told(values: Mapping[str, Any]) -> dict[str, Any]:
    """Each language on a line of its own, so that people can read it."""
    told: dict[str, Any] = {}
    for name, value in values.items():
        name = IN_THE_LOG.get(name, name)
        parts = {f"{name}_{lang}": value.get(lang, "") for lang in ("en", "zh")} if isinstance(value, Mapping) else {}
        told |= parts or {name: value}
    return told
