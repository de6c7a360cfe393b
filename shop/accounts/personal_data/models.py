"""One feature's part of what is known about a person."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from shop.accounts.models import Account
from shop.db import Connection


@dataclass(frozen=True, slots=True)
class Chapter:
    """How one feature tells (as JSON-able data) and forgets what it knows about an account, inside the caller's transaction.

    What has to stay for other reasons, as orders do, loses the person and keeps the rest.
    """

    name: str
    tell: Callable[[Connection, Account], Awaitable[Any]]
    forget: Callable[[Connection, Account], Awaitable[None]]
