"""Name, contact and sender as they are typed."""

from __future__ import annotations

from typing import Any

import wtforms

from shop.accounts.models import is_email
from shop.backoffice.forms import VersionedForm
from shop.i18n import N_
from shop.profile import Profile
from shop.web.forms import at_most, matches, refuse, required, stripped

TEXTS = ("address", "hours")


def _line(label: str, letters: int, *checks: Any, **options: Any) -> wtforms.StringField:
    return wtforms.StringField(label, [*checks, at_most(letters)], filters=[stripped], **options)


class IdentityForm(VersionedForm):
    """The name of the shop, and how it is reached; what is left empty is not shown."""

    name = _line(
        N_("Name of the shop"),
        60,
        required(N_("Enter a name.")),
        description=N_("An English and a Chinese name are written with a dot between: Daily Fresh · 天天生鲜"),
    )
    phone = _line(
        N_("Phone"), 40, matches("[0-9+() ./-]*", N_("A phone number is made of digits, spaces and + ( ) - ."))
    )
    email = _line(N_("E-mail"), 200)
    address_en = _line(N_("Postal address in English"), 200)
    address_zh = _line(N_("Postal address in Chinese"), 200)
    hours_en = _line(N_("Opening hours in English"), 200)
    hours_zh = _line(N_("Opening hours in Chinese"), 200)

    def validate_email(self, field: wtforms.StringField) -> None:
        """None, or one that mails can be sent to."""
        if field.data and not is_email(field.data):
            refuse(field, N_("This is no e-mail address: %(address)s"), address=field.data)

    @property
    def value(self) -> dict[str, Any]:
        """What is stated."""
        texts = {
            name: {lang: self[f"{name}_{lang}"].data for lang in ("en", "zh") if self[f"{name}_{lang}"].data}
            for name in TEXTS
        }
        return {**{name: self[name].data or "" for name in ("name", "phone", "email")}, **texts}


class SenderForm(VersionedForm):
    """Who mails come from."""

    name = _line(N_("Name of the sender"), 60, required(N_("Enter a name.")))
    address = _line(N_("Address of the sender"), 200, required(N_("Enter an e-mail address.")))

    def validate_name(self, field: wtforms.StringField) -> None:
        """No name that looks as if there were another address in it."""
        if set(field.data or "") & set('<>@"'):
            refuse(field, N_('A name holds none of these: < > @ "'))

    def validate_address(self, field: wtforms.StringField) -> None:
        """One address, and nothing beside it."""
        if not is_email(field.data or ""):
            refuse(field, N_("This is no e-mail address: %(address)s"), address=field.data)

    @property
    def value(self) -> dict[str, Any]:
        """What is stated."""
        return {"name": self.name.data, "address": self.address.data}


def identity_in(profile: Profile) -> dict[str, Any]:
    """Name and contact as their form shows them."""
    texts = {f"{name}_{lang}": getattr(profile, name).get(lang, "") for name in TEXTS for lang in ("en", "zh")}
    return {**{name: getattr(profile, name) for name in ("name", "phone", "email")}, **texts}


def sender_in(profile: Profile) -> dict[str, Any]:
    """The sender as its form shows it."""
    return {"name": profile.sender_name, "address": profile.sender_address}
