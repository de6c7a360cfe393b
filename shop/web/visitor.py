"""Who stands behind a request, as every page sees it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

FRESH_SECONDS: Final = 600


class Visitor(NamedTuple):
    """A signed-in customer or, as GUEST, anybody else.

    `basket_count` and `recent` (product ids, newest first) are None when they are not known without asking.
    """

    account_id: int | None = None
    name: str = ""
    tag: str = ""
    session_id_hash: bytes | None = None
    signed_in_at: datetime | None = None
    basket_count: int | None = None
    recent: tuple[int, ...] | None = None

    @property
    def is_signed_in(self) -> bool:
        """Whether an account stands behind the request."""
        return self.account_id is not None

    @property
    def is_fresh(self) -> bool:
        """Whether the password was given in the last ten minutes."""
        return self.signed_in_at is not None and datetime.now(UTC) - self.signed_in_at <= timedelta(
            seconds=FRESH_SECONDS
        )


GUEST: Final = Visitor()
