"""What the sandbox bank knows, kept in a journal beside it: nothing here is taken from the shop's database."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import orjson

PENDING, PAID, CLOSED = "pending", "paid", "closed"


@dataclass
class Trade:
    """Money that somebody has paid; `refunds` by the key they were asked with, in minor units."""

    trade_no: str
    amount: int
    currency: str
    refunds: dict[str, int] = field(default_factory=dict)

    @property
    def refunded(self) -> int:
        """How much of it went back."""
        return sum(self.refunds.values())


@dataclass
class Bill:
    """What a shop has asked a buyer for: paid never, once, or by mistake more often."""

    reference: str
    amount: int = 0
    currency: str = ""
    subject: str = ""
    return_url: str = ""
    notify_url: str = ""
    lang: str = "en"
    expires_at: int = 0
    is_closed: bool = False
    trades: list[Trade] = field(default_factory=list)

    @property
    def status(self) -> str:
        """Whether money came, may come, or will not come."""
        if self.trades:
            return PAID
        return CLOSED if self.is_closed else PENDING

    def pay(self) -> Trade:
        """One more payment of this bill."""
        trade = Trade(f"SB{self.reference}{len(self.trades) + 1:02}", self.amount, self.currency)
        self.trades.append(trade)
        return trade

    def refund(self, trade_no: str, amount: int, key: str) -> str:
        """Gives money back once for each key; returns "refunded" or why not."""
        trade = next((trade for trade in self.trades if trade.trade_no == trade_no), None)
        if trade is None:
            return "no such trade"
        if key in trade.refunds:
            return "refunded" if trade.refunds[key] == amount else "another amount under this key"
        if not 0 < amount <= trade.amount - trade.refunded:
            return "more than was paid"
        trade.refunds[key] = amount
        return "refunded"

    def facts(self) -> list[dict[str, Any]]:
        """What a query tells: each trade, or the bill without one."""
        if not self.trades:
            return [{"status": self.status}]
        return [
            {"status": PAID, "trade_no": trade.trade_no, "amount": trade.amount, "currency": trade.currency}
            for trade in self.trades
        ]


class Ledger:
    """All bills by reference; each change is a line in the journal, of which the last one counts."""

    def __init__(self, journal: Path | None = None) -> None:
        self._journal = journal
        self._bills: dict[str, Bill] = {}
        self._writing = asyncio.Lock()
        if journal is not None and journal.exists():
            for line in journal.read_bytes().splitlines():
                self._remember(orjson.loads(line))

    def get(self, reference: str) -> Bill | None:
        """A bill, if anybody has ever asked for it."""
        return self._bills.get(reference)

    def open(self, reference: str, **facts: Any) -> Bill:
        """The bill of this reference, made at the first time."""
        return self._bills.setdefault(reference, Bill(reference, **facts))

    async def keep(self, bill: Bill) -> None:
        """Writes a changed bill down before anybody hears of the change."""
        if self._journal is not None:
            async with self._writing:
                await asyncio.to_thread(_append, self._journal, orjson.dumps(asdict(bill)) + b"\n")

    def trades(self) -> list[dict[str, Any]]:
        """All money the bank has moved, to be compared with what the shop believes."""
        return [
            {"reference": bill.reference, "trade_no": t.trade_no, "amount": t.amount, "refunded": t.refunded}
            for bill in self
            for t in bill.trades
        ]

    def __iter__(self) -> Iterator[Bill]:
        return iter(self._bills.values())

    def _remember(self, said: dict[str, Any]) -> None:
        trades = [Trade(**trade) for trade in said.pop("trades")]
        self._bills[said["reference"]] = Bill(**said, trades=trades)


def _append(path: Path, line: bytes) -> None:
    with path.open("ab") as file:
        file.write(line)
