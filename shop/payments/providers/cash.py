"""Cash on delivery: nobody is asked, nothing is sent, and what goes back is given by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Self

from shop.i18n import N_
from shop.orders.models import CASH
from shop.payments.models import Notice, Payment, Refund, Report, Status
from shop.payments.providers.base import Forged, RefundRefused, Visit
from shop.payments.providers.client import Client
from shop.settings import Settings


class Cash:
    """Money at the door, which `orders.service.deliver` notes."""

    name = CASH
    label = N_("Cash on delivery")
    origins: Sequence[str] = ()
    receipt = ""

    @classmethod
    def of(cls, settings: Settings, client: Client) -> Self:
        """It needs no settings of its own."""
        return cls()

    async def start(self, payment: Payment, visit: Visit) -> str | None:
        """There is nowhere to go."""
        return None

    async def query(self, payment: Payment) -> Sequence[Report]:
        """Nobody to ask."""
        return ()

    async def close(self, payment: Payment) -> Report:
        """Nothing can come of it."""
        return Report(provider=self.name, reference=payment.reference, status=Status.CLOSED)

    async def refund(self, payment: Payment, refund: Refund) -> None:
        """People give it back."""
        raise RefundRefused("cash is given back by hand")

    def read_notice(self, headers: Mapping[str, str], body: bytes) -> Notice:
        """Nobody sends notices about cash."""
        raise Forged("cash sends no notices")
