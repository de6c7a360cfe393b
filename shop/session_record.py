"""What the shop knows about one signed-in session, wherever it is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """A live session: whose it is, until when, and the few values it carries.

    `ends_at` is when it ends unless it is used again; `version` counts its changes; `is_renewed` says that this very reading prolonged it.
    """

    id_hash: bytes
    account_id: int
    name: str
    tag: str
    signed_in_at: datetime
    ends_at: datetime
    idle_seconds: int
    until_browser_closes: bool
    version: int
    fields: Mapping[str, Any] = field(default_factory=dict)
    is_renewed: bool = False
    # What the authority says this person may do at this moment; a copy never says it, nor does a customer have any.
    permissions: frozenset[str] = frozenset()

    @property
    def cookie_seconds(self) -> int | None:
        """For how long the browser keeps the cookie; None until it closes."""
        return None if self.until_browser_closes else self.idle_seconds


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session that has just begun: the only moment at which the value of its cookie exists here."""

    cookie: str
    record: SessionRecord
