"""What must hold after every fault: the invariants, asked of the database, of the mail server, of the logs and of the journal."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg2

from shop.orders.invariants import INVARIANTS
from tests.faults.place import Place, person
from tests.faults.shoppers import Journal, Shopper
from tests.world import PASSWORD

QUIET_SECONDS: Final = 2.0
MAIL_SECONDS: Final = 60.0
SIGN_INS: Final = 5
POOLS: Final = 48  # all that two web processes, two workers and two relays may keep open, listeners included
CALM_SECONDS: Final = 60.0
HASHES_MB: Final = 80.0  # what password hashes at work leave to the allocator, in two processes


@dataclass
class Vitals:
    """Of all web processes together: open files, resident memory in MB, PostgreSQL connections of the shop."""

    files: int
    memory: float
    connections: int


async def recovered(journal: Journal, since: float, limit: float = 90.0) -> float:
    """Seconds from the end of the fault to the last answer that was not well; watches until all is quiet."""
    while True:
        calm_for = time.monotonic() - max(journal.last_trouble, since)
        if calm_for > QUIET_SECONDS:
            return max(0.0, journal.last_trouble - since)
        if time.monotonic() - since > limit:
            return limit
        await asyncio.sleep(0.05)


async def mail_flows(place: Place, since: float, limit: float = MAIL_SECONDS) -> float | None:
    """Seconds until no promise is left; None when some are after `limit`."""
    while time.monotonic() - since < limit:
        if await asyncio.to_thread(_promises, place) == 0:
            return time.monotonic() - since
        await asyncio.sleep(0.2)
    return None


def _promises(place: Place) -> int:
    with suppress(psycopg2.Error):
        connection = place.superuser()
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM outbox WHERE buried_at IS NULL AND task NOT LIKE 'tasks.orders.sweep%'"
            )
            count = int(cursor.fetchone()[0])  # type: ignore[index]
        connection.close()
        return count
    return -1


def broken(place: Place, journal: Journal, crashes: int) -> dict[str, str]:
    """Each invariant that does not hold, by its number, with what was found."""
    found: dict[str, str] = {}
    connection = place.superuser()
    with connection.cursor() as cursor:
        for name, sql in INVARIANTS.items():
            cursor.execute(sql)
            if rows := cursor.fetchall():
                found[name] = f"{len(rows)} rows, as {rows[0]}"
        found |= _journal(cursor, journal)
        found |= _mails(cursor, place, journal, crashes)
    connection.close()
    if wrong := [line for line in journal.wrong if line.startswith("I10")]:
        found["I10"] = wrong[0]
    if wrong := [line for line in journal.wrong if not line.startswith("I10")]:
        found["I12"] = f"{len(wrong)} times, as {wrong[0]}"
    if leaked := [secret for secret in [*journal.secrets, PASSWORD] if secret in place.logs()]:
        found["I15"] = f"{len(leaked)} secrets in the logs"
    return found


def _journal(cursor: Any, journal: Journal) -> dict[str, str]:
    """I8: answered is there once, unanswered at most once."""
    cursor.execute("SELECT checkout_id::text, count(*) FROM orders GROUP BY 1")
    there: Mapping[str, int] = dict(cursor.fetchall())
    lost = [known for known, status in journal.checkouts.items() if status == 303 and there.get(known) != 1]
    twice = [known for known, count in there.items() if count > 1]
    cursor.execute("SELECT email FROM accounts")
    accounts = {row[0] for row in cursor.fetchall()}
    lost += [email for email, status in journal.registrations.items() if status == 303 and email not in accounts]
    return {"I8": f"{len(lost)} answered and lost, {len(twice)} there twice"} if lost or twice else {}


def _mails(cursor: Any, place: Place, journal: Journal, crashes: int) -> dict[str, str]:
    """I5: each who was answered has a mail, and extra ones are no more than crashes; I6: nothing is dead."""
    received: dict[str, int] = {}
    for mail in list(place.mail.mails):
        received[mail["Message-ID"]] = received.get(mail["Message-ID"], 0) + 1
    got = {mail["To"].addresses[0].addr_spec for mail in list(place.mail.mails)}
    without = [email for email, status in journal.registrations.items() if status == 303 and email not in got]
    extra = sum(count - 1 for count in received.values())
    found = {}
    if without or extra > crashes:
        found["I5"] = f"{len(without)} without a mail, {extra} extra mails in {crashes} crashes"
    cursor.execute("SELECT count(*), max(last_error) FROM outbox WHERE buried_at IS NOT NULL")
    count, why = cursor.fetchone()
    if count:
        found["I6"] = f"{count} dead letters: {why}"
    return found


async def logged_out_stays_out(place: Place, shopper: Shopper) -> dict[str, str]:
    """I11: a cookie that was signed out signs nobody in, whatever Redis remembers."""
    shopper.name = person(0).username
    for _ in range(SIGN_INS):
        await shopper.arrive()
        if await shopper.sign_in():
            break
        await asyncio.sleep(1)
    else:
        await shopper.leave()
        return {"I11": "could not be tried: nobody can sign in"}
    assert shopper._session is not None
    kept = {cookie.key: cookie.value for cookie in shopper._session.cookie_jar}
    await shopper.form("/logout", {}, "/account")
    shopper.is_signed_in = False
    shopper._session.cookie_jar.update_cookies(kept)
    page = await shopper.ask("/account")
    await shopper.leave()
    return {} if page.status == 303 else {"I11": f"a signed-out cookie opened /account: {page.status}"}


def vitals(place: Place) -> Vitals:
    files, memory = 0, 0.0
    for program in place.of("web"):
        if program.process and program.process.poll() is None:
            files += len(os.listdir(f"/proc/{program.process.pid}/fd"))
            memory += _resident(program.process.pid)
    with suppress(psycopg2.Error):
        connection = place.superuser()
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE usename = 'shop_web'")
            return Vitals(files, memory, int(cursor.fetchone()[0]))  # type: ignore[index]
    return Vitals(files, memory, 0)


def _resident(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS")), 0.0)


async def calmed_down(place: Place, before: Vitals) -> dict[str, str]:
    """I14: files and memory are back within a tenth (and a little) of what they were, connections within the pools, in a minute."""
    end = time.monotonic() + CALM_SECONDS
    while True:
        now = await asyncio.to_thread(vitals, place)
        is_calm = now.files <= before.files * 1.1 + 12 and now.memory <= before.memory * 1.1 + HASHES_MB
        if is_calm and now.connections <= POOLS:
            return {}
        if time.monotonic() > end:
            return {"I14": f"{before} became {now}"}
        await asyncio.sleep(0.5)
