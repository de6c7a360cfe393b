"""What the shop is called, how it looks and where it is reached: as the back office says, else as the settings of the start say."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parseaddr
from typing import Any, Final, Self

from shop.db import Connection
from shop.facts import ShopFact, facts
from shop.settings import Settings

IDENTITY: Final = "identity"
LOGO: Final = "logo"
SENDER: Final = "mail_sender"
KEYS: Final = (IDENTITY, LOGO, SENDER)
# How high the header shows a logo, and how wide at most, in pixels.
LOGO_HEIGHT: Final = 40
LOGO_WIDTH: Final = 180


@dataclass(frozen=True, slots=True)
class Logo:
    """A picture of the media store with its size as the header shows it, in pixels."""

    fingerprint: str
    width: int
    height: int

    @classmethod
    def fitted(cls, fingerprint: str, width: int, height: int) -> Self:
        """The picture scaled into the header's room, its sides in proportion."""
        scale = min(LOGO_HEIGHT / height, LOGO_WIDTH / width)
        return cls(fingerprint, max(1, round(width * scale)), max(1, round(height * scale)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """The shop as it introduces itself; texts by language, what is unknown is empty."""

    name: str
    sender_name: str
    sender_address: str
    phone: str = ""
    email: str = ""
    address: Mapping[str, str] = field(default_factory=dict)
    hours: Mapping[str, str] = field(default_factory=dict)
    logo: Logo | None = None

    @classmethod
    def of(cls, stated: Mapping[str, ShopFact], settings: Settings) -> Self:
        """The shop as these facts tell, and the settings where they do not."""
        told: dict[str, dict[str, Any]] = {key: stated[key].value if key in stated else {} for key in KEYS}
        name, address = parseaddr(settings.mail_sender)
        return cls(
            name=told[IDENTITY].get("name") or settings.name,
            **{part: told[IDENTITY].get(part, "") for part in ("phone", "email")},
            **{part: told[IDENTITY].get(part, {}) for part in ("address", "hours")},
            sender_name=told[SENDER].get("name", name),
            sender_address=told[SENDER].get("address", address),
            logo=_logo(stated.get(LOGO)),
        )

    @property
    def has_contact(self) -> bool:
        """Whether anything says how to reach the shop."""
        return bool(self.phone or self.email or self.address or self.hours)

    @property
    def digest(self) -> str:
        """A short name for everything it says: kept pages of another profile are not ours."""
        return hashlib.blake2b(repr(self).encode(), digest_size=8).hexdigest()


async def profile_of(conn: Connection, settings: Settings) -> Profile:
    """The shop as it introduces itself at this moment."""
    return Profile.of(await facts(conn, KEYS), settings)


def _logo(stated: ShopFact | None) -> Logo | None:
    if stated is None or stated.picture is None:
        return None
    return Logo.fitted(stated.picture, stated.value["width"], stated.value["height"])
