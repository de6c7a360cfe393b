"""What the shop asks of every provider of payment, and what it gets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from shop.payments.models import Notice, Payment, Refund, Report


class ProviderAway(Exception):
    """No usable answer in time: what was asked may have happened or not, so it is asked again, in the same words."""


class RefundRefused(Exception):
    """The provider will never give this money back by itself; the message says why."""


class Forged(Exception):
    """Not a notice of this provider for this merchant; the message says what is wrong with it and holds nothing it said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """What a provider is told about a buyer who is on the way to it."""

    subject: str
    return_url: str
    notify_url: str
    lang: str
    is_phone: bool


class Provider(Protocol):
    """A provider; every call ends within the budget of the client, and raises ProviderAway without an answer.

    `origins` are those a form of ours may lead to; `receipt` is what the provider wants to hear for a notice.
    """

    name: str
    label: str
    origins: Sequence[str]
    receipt: str

    async def start(self, payment: Payment, visit: Visit) -> str | None:
        """The address where the buyer pays; None when there is nothing to visit."""

    async def query(self, payment: Payment) -> Sequence[Report]:
        """Every trade the provider knows under the payment's reference."""

    async def close(self, payment: Payment) -> Report:
        """Sees to it that nothing can be paid any more, or says that it has been paid."""

    async def refund(self, payment: Payment, refund: Refund) -> None:
        """Gives back what is asked, once, however often it is asked; raises RefundRefused."""

    def read_notice(self, headers: Mapping[str, str], body: bytes) -> Notice:
        """What a notice says, once it is certain who says it; raises Forged."""
