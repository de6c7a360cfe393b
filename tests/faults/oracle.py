"""What must hold after every fault: the promises by their numbers, asked of the database, bank, store, mails, logs and journal."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

import aiohttp

from shop.db import Connection, Database, DbError
from shop.media.errors import MediaError
from shop.media.local import LocalStore
from shop.media.queries import kept_objects
from shop.orders import invariants as orders
from shop.payments import invariants as payments
from tests.faults.journal import UNKNOWN, Journal
from tests.faults.scratch import Scratch
from tests.world import PASSWORD

WORDS: Final = {
    "I1": "received = available + held + sold + written off, none below 0",
    "I2": "each paid order has one payment that counts, of its total",
    "I3": "the bank's ledger and ours are the same",
    "I4": "one order a checkout, lines − discount + freight = total",
    "I5": "each new customer has an activation mail, hardly any two",
    "I6": "no promise is older than 60 s or given up",
    "I7": "coupons and delivery times within their limits",
    "I8": "what was answered is there, what was refused is not",
    "I9": "only legal steps in the story of every order",
    "I10": "no page shows another's name",
    "I11": "who signed out stays out",
    "I12": "no 500, no 503 without Retry-After, nothing too late",
    "I13": "each picture has its files, with their SHA-256",
    "I14": "files, memory and connections are back",
    "I15": "the logs hold no secret",
}
# The poller asks after so many seconds at the latest, and a refund may follow.
BANK_SECONDS: Final = 120.0

Ledger = Sequence[Mapping[str, Any]]
Found = dict[str, list[str]]


async def ledger_of(shop: Scratch) -> Ledger | None:
    """What the bank has moved; None while it is away, nothing where there is no bank."""
    if not shop.bank_url:
        return []
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session,
            session.get(f"{shop.bank_url}/ledger") as answer,
        ):
            rows: Ledger = await answer.json()
            return rows
    except (aiohttp.ClientError, TimeoutError, OSError):
        return None


class AtRest:
    """Waits until nothing is promised any more and the bank knows nothing better.

    `mail` is how many seconds the oldest promise has waited since, `money` when the last payment was settled; what is not done after
    two minutes is in `open` and `unsettled`.
    """

    def __init__(self, shop: Scratch, db: Database) -> None:
        self._shop, self._db = shop, db
        self.mail = self.money = 0.0
        self.unsettled: list[str] = []
        self.open: list[str] = []

    async def wait(self) -> None:
        """At most two minutes."""
        began = time.monotonic()
        while True:
            waited = time.monotonic() - began
            await self._look(waited)
            if not (self.open or self.unsettled) or waited > BANK_SECONDS:
                return
            await asyncio.sleep(0.2)

    async def _look(self, waited: float) -> None:
        ledger = await ledger_of(self._shop)
        try:
            async with self._db.read() as conn:
                rows = await conn.fetch_all(OPEN)
                self.unsettled = ["no bank"] if ledger is None else await unsettled(conn, ledger, self._shop.journal)
        except DbError as problem:
            self.open = self.unsettled = [str(problem)]
            return
        self.open = [str(row) for row in rows]
        self.mail = max([self.mail, *(min(waited, row.age) for row in rows)])
        self.money = waited if self.unsettled else self.money


async def unsettled(conn: Connection, ledger: Ledger, journal: Journal) -> list[str]:
    """I3: where the bank's ledger and ours differ, and orders that wait for money the bank has taken."""
    told = await payments.differences(conn, "sandbox", ledger)
    due = await conn.fetch_all(
        "SELECT number FROM orders WHERE payment = 'due' AND number = ANY(%(n)s)", _n(journal.paid)
    )
    return told + [f"{row.number} was paid at the bank and is due" for row in due]


async def charged(conn: Connection, ledger: Ledger) -> list[str]:
    """I2, asked of the bank: what it kept of each order's payments is what the order owes, never twice that."""
    kept: Counter[str] = Counter()
    for row in ledger:
        kept[str(row["reference"]).partition("_")[0]] += row["amount"] - row["refunded"]
    known = await conn.fetch_all(OWED, _n(kept))
    owed = {str(row.reference): row.total - row.refunded for row in known}
    return [
        f"the bank kept {amount} of an order that owes {owed.get(reference)}"
        for reference, amount in sorted(kept.items())
        if owed.get(reference) != amount
    ]


async def broken(shop: Scratch, db: Database, *, crashes: int | None = None) -> Found:
    """All findings by promise, of those that are asked here; `crashes` is how many extra mails they may have cost."""
    ledger, journal = await ledger_of(shop), shop.journal
    async with db.read() as conn:
        everything = {**orders.INVARIANTS, **payments.INVARIANTS}
        found = {name: [str(row) for row in await conn.fetch_all(sql)] for name, sql in everything.items()}
        found["I2"] += await charged(conn, ledger or [])
        found["I8"] = await _journal(conn, journal)
        found["I5"] = _mails(shop, journal, crashes)
        found["I6"] = [f"given up: {row}" for row in await conn.fetch_all(BURIED)]
        found["I13"] = await _pictures(conn, LocalStore(shop.folder / "media"))
    secrets = [*journal.secrets, PASSWORD]
    logs = await asyncio.to_thread(shop.logs)
    found["I10"], found["I12"] = list(journal.foreign), list(journal.wrong)
    found["I15"] = ["a secret stands in the logs" for secret in secrets if secret in logs]
    return found


async def _journal(conn: Connection, journal: Journal) -> list[str]:
    """I8: who was told has it, once, and as it was wanted; who was not told has it once or not at all."""
    lines: dict[str, dict[int, int]] = {}
    for row in await conn.fetch_all(LINES):
        lines.setdefault(row.number, {})[row.sku_id] = row.quantity
    placed: dict[str, list[str]] = {}
    states: dict[str, str] = {}
    for row in await conn.fetch_all("SELECT checkout_id, number, fulfilment FROM orders"):
        placed.setdefault(str(row.checkout_id), []).append(row.number)
        states[row.number] = row.fulfilment
    problems = [f"{n} is {states.get(n)}" for n in sorted(journal.cancelled) if states.get(n) != "cancelled"]
    for checkout, answers in journal.answers.items():
        problems += _of_checkout(journal.wanted[checkout], answers, placed.get(checkout, []), lines)
    problems += [f"{checkout} was never asked for" for checkout in placed.keys() - journal.answers.keys()]
    accounts = {row.email for row in await conn.fetch_all("SELECT email FROM accounts")}
    told = (email for email, status in journal.registered.items() if status == 303)
    return problems + [f"{email} has no account" for email in told if email not in accounts]


def _of_checkout(
    wanted: dict[int, int], answers: list[tuple[int, str]], there: list[str], lines: dict[str, dict[int, int]]
) -> list[str]:
    problems = [f"{number} is not there" for status, number in answers if status == 303 and number not in there]
    if there and all(status != 303 and status not in UNKNOWN for status, _ in answers):
        problems.append(f"{there} was refused")
    return problems + [f"{number} is not what was wanted" for number in there if lines[number] != wanted]


def _mails(shop: Scratch, journal: Journal, crashes: int | None) -> list[str]:
    """I5: each who was answered has a mail, and extra ones are no more than crashes, where anybody counts them."""
    mails = list(shop.mails.mails)
    got = {address.addr_spec for mail in mails for address in mail["To"].addresses}
    told = (email for email, status in sorted(journal.registered.items()) if status == 303)
    problems = [f"{email} has no mail" for email in told if email not in got]
    times = Counter((mail["Message-ID"], str(mail["To"])) for mail in mails)
    extra = sum(times.values()) - len(times)
    if crashes is not None and extra > crashes:
        problems.append(f"{extra} extra mails in {crashes} crashes")
    return problems


async def _pictures(conn: Connection, store: LocalStore) -> list[str]:
    """I13: each file that a row speaks of is in the store, byte by byte, and each picture has its original."""
    problems = [f"{row.fingerprint} has no original" for row in await conn.fetch_all(WITHOUT_ORIGINAL)]
    after = ""
    while objects := await kept_objects(conn, after):
        after = objects[-1].name
        for one in objects:
            try:
                digest = hashlib.sha256(await store.get(one.name)).hexdigest()
            except MediaError as problem:
                problems.append(f"{one.name}: {type(problem).__name__}")
                continue
            if digest != one.digest:
                problems.append(f"{one.name} has other bytes")
    return problems


def _n(numbers: Any) -> dict[str, list[str]]:
    return {"n": list(numbers)}


# The beat's chores come back for ever.
OPEN: Final = """
SELECT id, task, attempts, last_error, extract(epoch FROM now() - created_at)::float AS age FROM outbox
WHERE buried_at IS NULL AND args <> '{}'::jsonb ORDER BY id LIMIT 10
"""
BURIED: Final = "SELECT id, task, attempts, last_error FROM outbox WHERE buried_at IS NOT NULL ORDER BY id LIMIT 10"
LINES: Final = "SELECT o.number, l.sku_id, l.quantity FROM order_lines l JOIN orders o ON o.id = l.order_id"
OWED: Final = """
SELECT replace(number, '-', '') AS reference, total, refunded FROM orders WHERE replace(number, '-', '') = ANY(%(n)s)
"""
WITHOUT_ORIGINAL: Final = """
SELECT fingerprint FROM media_files f
WHERE NOT EXISTS (SELECT FROM media_objects o WHERE o.fingerprint = f.fingerprint AND o.digest = f.fingerprint)
"""
