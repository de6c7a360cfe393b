"""Mails that left the shop, as template and parameters: never the text, which held a link."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Identity, Index, func

from shop.db import Model, column

MAILS: Final = "tasks.mail."
# What is kept of a promise's arguments: numbers of rows and words, so that whoever is erased is gone from here too.
KEPT: Final = frozenset({"account_id", "amount", "kind", "news", "order_id", "registration_id", "staff_id"})
KEPT_DAYS: Final = 90


class SentMail(Model):
    """One mail that was handed over; `reference` stands in its Message-ID."""

    __tablename__ = "mails_sent"
    __table_args__ = (Index("mails_sent_by_age", "sent_at"),)

    id: int = column(Identity(always=True), primary_key=True)
    reference: UUID = column(unique=True)
    task: str = column()
    args: dict[str, Any] = column()
    sent_at: datetime = column(server_default=func.now())
