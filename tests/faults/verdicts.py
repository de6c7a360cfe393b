"""The promises the shop is held to when all is over, each by its number; the database and the journal are the witnesses."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Final

import aiohttp

from shop.db import Connection, Database
from shop.orders import invariants as orders
from shop.payments import invariants as payments
from tests.faults.journal import UNKNOWN, Journal
from tests.faults.scratch import Scratch

MAIL_SECONDS: Final = 60.0
# The poller asks after so many seconds at the latest, and a refund may follow.
BANK_SECONDS: Final = 75.0
WORDS: Final = {
    "I1": "received = available + held + sold + written off, none below 0",
    "I2": "each paid order has one payment that counts, of its total",
    "I3": "the bank's ledger and ours are the same",
    "I4": "one order a checkout, lines − discount + freight = total",
    "I5": "each new customer has an activation mail",
    "I6": "no promise is older than 60 s",
    "I7": "coupons and delivery times within their limits",
    "I8": "what was answered is there, what was refused is not",
    "I9": "only legal steps in the story of every order",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found against a promise."""

    name: str
    problems: list[str]

    @property
    def holds(self) -> bool:
        return not self.problems

    def __str__(self) -> str:
        told = f"BROKEN {len(self.problems)} times, as in {self.problems[0]}" if self.problems else "holds"
        return f"{self.name}  {WORDS[self.name]:<64} {told}"


async def judge(shop: Scratch, db: Database, journal: Journal, *, with_tasks: bool) -> list[Verdict]:
    """Every verdict; those about mail only where a worker was there to send it."""
    late, unlike = await _at_rest(shop, db) if with_tasks else ([], [])
    async with db.read() as conn:
        everything = {**orders.INVARIANTS, **payments.INVARIANTS}
        found = {name: [str(row) for row in await conn.fetch_all(sql)] for name, sql in everything.items()}
        found["I3"] += unlike
        found["I8"] = await _journal(conn, journal)
    if with_tasks:
        found["I5"] = [email for email in sorted(journal.registered) if not shop.mails.to(email)]
        found["I6"] = late
    return [Verdict(name, found[name]) for name in sorted(found)]


async def _at_rest(shop: Scratch, db: Database) -> tuple[list[str], list[str]]:
    """What is still promised, or was given up, after a minute; and where the bank knows better, after a little more."""
    began = time.monotonic()
    async with aiohttp.ClientSession() as session:
        while True:
            async with session.get(f"{shop.bank}/ledger") as answer:
                ledger = await answer.json()
            async with db.read() as conn:
                rows = await conn.fetch_all(OPEN, {"old": MAIL_SECONDS})
                unlike = await payments.differences(conn, "sandbox", ledger)
            waited = time.monotonic() - began
            if not (rows or unlike) or waited > BANK_SECONDS:
                return [str(row) for row in rows if row.is_late], unlike
            await asyncio.sleep(0.3)


async def _journal(conn: Connection, journal: Journal) -> list[str]:
    lines: dict[str, dict[int, int]] = {}
    for row in await conn.fetch_all(LINES):
        lines.setdefault(row.number, {})[row.sku_id] = row.quantity
    placed: dict[str, list[str]] = {}
    states: dict[str, str] = {}
    for row in await conn.fetch_all("SELECT checkout_id, number, fulfilment FROM orders"):
        placed.setdefault(str(row.checkout_id), []).append(row.number)
        states[row.number] = row.fulfilment
    problems = [
        f"{number} is {states.get(number)}" for number in journal.cancelled if states.get(number) != "cancelled"
    ]
    for checkout, answers in journal.answers.items():
        there = placed.get(checkout, [])
        problems += [f"{number} is not there" for status, number in answers if status == 303 and number not in there]
        if there and all(status != 303 and status not in UNKNOWN for status, _ in answers):
            problems.append(f"{there} was refused")
        problems += [
            f"{number} is not what was wanted" for number in there if lines[number] != journal.wanted[checkout]
        ]
    return problems + [f"{checkout} was never asked for" for checkout in placed.keys() - journal.answers.keys()]


OPEN = """
SELECT id, task, attempts, last_error, buried_at IS NOT NULL OR created_at < now() - make_interval(secs => %(old)s) AS is_late
FROM outbox ORDER BY id LIMIT 10
"""
LINES = "SELECT o.number, l.sku_id, l.quantity FROM order_lines l JOIN orders o ON o.id = l.order_id"
