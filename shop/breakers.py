"""One breaker a service for all workers together: while a server is away, one row at a time asks for it.

The service of a task is the second word of its name: all of `tasks.mail.…` need the mail server.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import func, text

from shop.db import Connection, Model, column
from shop.outbox import CHANNEL, QUEUED_SECONDS, Lease

PROBE_SECONDS: Final = 30.0


class Breaker(Model):
    """An open breaker; a closed one has no row."""

    __tablename__ = "outbox_breakers"
    service: str = column(primary_key=True)
    opened_at: datetime = column(server_default=func.now())
    probe_at: datetime = column()
    probe_id: int | None = column()
    failures: int = column(server_default=text("1"))


def service_of(task: str) -> str:
    """Name the service that a task needs."""
    return task.split(".")[1]


async def trip(conn: Connection, held: Lease) -> bool:
    """Open the breaker of the row's service, or put off the next probe (1 s … 30 s) if this was one; True when opened."""
    values = {"service": service_of(held.task), "id": held.id, "most": PROBE_SECONDS}
    return bool(await conn.fetch_value(TRIP, values))


async def close(conn: Connection, held: Lease) -> bool:
    """Close the breaker, for the service has answered, and make every waiting row due at once; True when it was open."""
    values = {"service": service_of(held.task), "channel": CHANNEL}
    if not await conn.execute(CLOSE, values):
        return False
    await conn.execute(WAKE, values)
    await conn.execute("SELECT pg_notify(%(channel)s, '')", values)
    return True


async def claim_probes(conn: Connection, queued_seconds: float = QUEUED_SECONDS) -> list[tuple[int, str]]:
    """Take for each open breaker whose time has come the row (id, task) that has waited longest."""
    rows = await conn.fetch_all(CLAIM_PROBES, {"seconds": queued_seconds, "most": PROBE_SECONDS})
    return [(row.id, row.task) for row in rows]


TRIP: Final = """
    INSERT INTO outbox_breakers AS breaker (service, probe_at)
    VALUES (%(service)s, clock_timestamp() + make_interval(secs => 1))
    ON CONFLICT (service) DO UPDATE SET failures = breaker.failures + 1, probe_id = NULL,
        probe_at = clock_timestamp() + make_interval(secs => least(%(most)s, 2 ^ least(breaker.failures, 10)))
    WHERE breaker.probe_id = %(id)s
    RETURNING failures = 1"""

CLOSE: Final = "DELETE FROM outbox_breakers WHERE service = %(service)s"

WAKE: Final = """
    UPDATE outbox SET held_until = NULL
    WHERE buried_at IS NULL AND lease IS NULL AND held_until IS NOT NULL AND split_part(task, '.', 2) = %(service)s"""

# The breaker's row is the lock: of two relays one sends the probe.
CLAIM_PROBES: Final = """
    WITH ready AS (
        SELECT service FROM outbox_breakers WHERE probe_at <= clock_timestamp() FOR UPDATE SKIP LOCKED),
    chosen AS (
        SELECT ready.service, waiting.id FROM ready CROSS JOIN LATERAL (
            SELECT id FROM outbox
            WHERE buried_at IS NULL AND due_at <= clock_timestamp() AND split_part(task, '.', 2) = ready.service
                AND (lease IS NULL OR held_until <= clock_timestamp())
            ORDER BY due_at, id LIMIT 1) AS waiting),
    marked AS (
        UPDATE outbox_breakers AS breaker
        SET probe_id = chosen.id, probe_at = clock_timestamp() + make_interval(secs => %(most)s)
        FROM chosen WHERE breaker.service = chosen.service)
    UPDATE outbox SET lease = NULL, held_until = clock_timestamp() + make_interval(secs => %(seconds)s)
    FROM chosen WHERE outbox.id = chosen.id RETURNING outbox.id, outbox.task"""
