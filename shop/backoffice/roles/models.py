"""A role: a name and what those who have it may do."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Identity, text

from shop.db import Model, column


class Role(Model):
    """What some of the staff may do; `code` names it on the command line."""

    __tablename__ = "roles"

    id: int = column(Identity(always=True), primary_key=True)
    code: str = column(unique=True)
    names: dict[str, Any] = column()
    permissions: list[str] = column(server_default=text("'[]'"))
    version: int = column(server_default=text("1"))


class LastOwner(Exception):
    """Somebody has to be left who may manage the staff."""
