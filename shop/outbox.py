"""Promises made inside a transaction and kept outside of it: the row is closed only after the effect. Only the database's clock counts.

A row is due (`due_at`), is left alone while it lies in the broker's queue or in a worker's hands (`held_until`), and
belongs to whoever knows its `lease`. Whatever dies, the hold runs out and the relay hands the row over again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy import Identity, Index, func, text

from shop.db import Connection, Model, Row, column

CHANNEL: Final = "outbox"
LEASE_SECONDS: Final = 15.0
QUEUED_SECONDS: Final = 20.0
MAX_ATTEMPTS: Final = 10


class Hopeless(Exception):
    """No later try can succeed; the row becomes a dead letter, and the message says why."""


class NotNow(Exception):
    """The service answered, but does not do this at the moment; a later try may succeed."""


class ServiceAway(Exception):
    """The server behind the task cannot be reached at all: the row is not to blame, and no other need try."""


class Outbox(Model):
    """One promise: a task by name and its JSON arguments."""

    __tablename__ = "outbox"
    __table_args__ = (
        Index(
            "outbox_open", text("held_until NULLS FIRST"), "due_at", "id", postgresql_where=text("buried_at IS NULL")
        ),
        Index("outbox_buried", "id", postgresql_where=text("buried_at IS NOT NULL")),
    )
    id: int = column(Identity(always=True), primary_key=True)
    reference: UUID = column(server_default=func.gen_random_uuid())
    task: str = column()
    args: dict[str, Any] = column()
    created_at: datetime = column(server_default=func.now())
    due_at: datetime = column(server_default=func.now())
    held_until: datetime | None = column()
    lease: UUID | None = column()
    attempts: int = column(server_default=text("0"))
    last_error: str | None = column()
    buried_at: datetime | None = column()

    @property
    def is_dead(self) -> bool:
        """Whether it was given up."""
        return self.buried_at is not None


@dataclass(frozen=True)
class Lease:
    """The right to work on a row for some seconds; `reference` names the row to the world and never changes."""

    id: int
    lease: UUID
    reference: UUID
    task: str
    args: dict[str, Any]
    attempts: int


async def promise(conn: Connection, task: str, /, **args: Any) -> int:
    """Promise inside the caller's transaction that the task will run at least once; return the row's id."""
    row_id: int = await conn.fetch_value(PROMISE, {"task": task, "args": args, "channel": CHANNEL})
    return row_id


async def promise_all(conn: Connection, promises: Sequence[tuple[str, dict[str, Any]]]) -> None:
    """Promise many (task, arguments) in one statement."""
    if promises:
        params = {
            "tasks": [task for task, _ in promises],
            "args": [orjson.dumps(args).decode() for _, args in promises],
        }
        await conn.execute(PROMISE_ALL, {**params, "channel": CHANNEL})


async def promise_once(conn: Connection, task: str) -> None:
    """Promise a task without arguments, unless such a promise is open already; needs a transaction.

    surprise: two that look at the same moment both find none; so each waits for the other's end before it looks.
    """
    await conn.execute(ONE_AT_A_TIME, {"task": task})
    await conn.execute(PROMISE_ONCE, {"task": task})


async def lease(conn: Connection, row_id: int, seconds: float = LEASE_SECONDS) -> Lease | None:
    """Take the row for some seconds; None when it is closed, not due, in other hands or behind an open breaker."""
    row = await conn.fetch_one(LEASE, {"id": row_id, "seconds": seconds})
    return Lease(**row.mapping) if row else None


async def renew(conn: Connection, held: Lease, seconds: float = LEASE_SECONDS) -> bool:
    """Keep the row for some more seconds; False when it has gone into other hands."""
    return bool(await conn.execute(RENEW, {"id": held.id, "lease": held.lease, "seconds": seconds}))


async def done(conn: Connection, held: Lease) -> None:
    """Close the row after the effect, whoever holds it by now: what has happened has happened."""
    await conn.execute(DONE, {"id": held.id})


async def fail(conn: Connection, held: Lease, error: str) -> bool:
    """Put the row back for a later try, 10 s to 6 h from now; True when that was the tenth and it is a dead letter."""
    values = {"id": held.id, "lease": held.lease, "error": error, "max": MAX_ATTEMPTS}
    return bool(await conn.fetch_value(FAIL, values))


async def bury(conn: Connection, held: Lease, error: str) -> None:
    """Make the row a dead letter, kept with the reason until somebody looks at it."""
    await conn.execute(BURY, {"id": held.id, "lease": held.lease, "error": error})


async def put_back(conn: Connection, held: Lease, error: str) -> None:
    """Put the row at the end of the line without counting the try, for its service was away."""
    await conn.execute(PUT_BACK, {"id": held.id, "lease": held.lease, "error": error})


async def claim(conn: Connection, limit: int, queued_seconds: float = QUEUED_SECONDS) -> list[tuple[int, str]]:
    """Take up to `limit` due rows (id, task) for the broker's queue; those never handed over go first.

    A row that no worker leases within `queued_seconds` is due again: its message was lost with the broker.
    """
    rows = await conn.fetch_all(CLAIM, {"limit": limit, "seconds": queued_seconds})
    return [(row.id, row.task) for row in rows]


async def release(conn: Connection, row_ids: list[int]) -> None:
    """Give back claimed rows that did not reach the broker."""
    await conn.execute(RELEASE, {"ids": row_ids})


async def bury_exhausted(conn: Connection) -> int:
    """Bury rows whose tenth lease ran out unreported, as those that kill their worker do; return how many."""
    return await conn.execute(BURY_EXHAUSTED, {"max": MAX_ATTEMPTS})


async def dead_letters(conn: Connection, limit: int = 200) -> list[Row]:
    """Rows that were given up, newest first, with the reason."""
    return await conn.fetch_all(DEAD_LETTERS, {"limit": limit})


async def resend(conn: Connection, row_ids: Sequence[int] | None = None) -> int:
    """Make dead letters promises again, with ten new tries; all of them unless some are named. Return how many."""
    count = await conn.execute(RESEND, {"ids": None if row_ids is None else list(row_ids)})
    await conn.execute("SELECT pg_notify(%(channel)s, '')", {"channel": CHANNEL})
    return count


@dataclass(frozen=True)
class State:
    """How many promises are open and buried, and how long the oldest that is due has waited, in seconds."""

    open: int
    buried: int
    oldest_seconds: float


async def state(conn: Connection) -> State:
    """What the outbox holds."""
    row = await conn.fetch_one(STATE)
    return State(int(row.open), int(row.buried), float(row.oldest_seconds)) if row else State(0, 0, 0.0)


STATE: Final = """
    SELECT count(*) FILTER (WHERE buried_at IS NULL) AS open, count(buried_at) AS buried,
           coalesce(extract(epoch FROM now() - min(due_at) FILTER (WHERE buried_at IS NULL AND due_at <= now())), 0)
             AS oldest_seconds
    FROM outbox"""

PROMISE: Final = """
    WITH promised AS (INSERT INTO outbox (task, args) VALUES (%(task)s, %(args)s) RETURNING id)
    SELECT id, pg_notify(%(channel)s, '') FROM promised"""

ONE_AT_A_TIME: Final = "SELECT pg_advisory_xact_lock(hashtext('promise once'), hashtext(%(task)s))"

PROMISE_ONCE: Final = """
    INSERT INTO outbox (task, args) SELECT %(task)s, '{}'
    WHERE NOT EXISTS (SELECT FROM outbox WHERE task = %(task)s AND buried_at IS NULL)"""

PROMISE_ALL: Final = """
    WITH promised AS (
        INSERT INTO outbox (task, args) SELECT task, args FROM unnest(%(tasks)s::text[], %(args)s::jsonb[]) AS p (task, args))
    SELECT pg_notify(%(channel)s, '')"""

# A worker that dies reports nothing: from the third try on, the next is put off in advance.
LEASE: Final = """
    UPDATE outbox SET lease = gen_random_uuid(), attempts = attempts + 1,
        held_until = clock_timestamp() + make_interval(secs => %(seconds)s),
        due_at = CASE WHEN attempts < 2 THEN due_at
            ELSE clock_timestamp() + make_interval(secs => least(21600, 10 * 3 ^ attempts)) END
    WHERE id = %(id)s AND buried_at IS NULL AND due_at <= clock_timestamp()
        AND (lease IS NULL OR held_until <= clock_timestamp())
        AND NOT EXISTS (SELECT FROM outbox_breakers AS breaker
            WHERE breaker.service = split_part(outbox.task, '.', 2) AND breaker.probe_id IS DISTINCT FROM outbox.id)
    RETURNING id, lease, reference, task, args, attempts"""

RENEW: Final = """
    UPDATE outbox SET held_until = clock_timestamp() + make_interval(secs => %(seconds)s)
    WHERE id = %(id)s AND lease = %(lease)s"""

DONE: Final = "DELETE FROM outbox WHERE id = %(id)s"

# Ten tries: 10 s, 30 s, 90 s … 6 h between them, give or take a tenth so that a crowd does not return as one.
FAIL: Final = """
    UPDATE outbox SET lease = NULL, held_until = NULL, last_error = %(error)s,
        due_at = clock_timestamp()
            + make_interval(secs => least(21600, 10 * 3 ^ (attempts - 1)) * (0.9 + 0.2 * random())),
        buried_at = CASE WHEN attempts >= %(max)s THEN clock_timestamp() END
    WHERE id = %(id)s AND lease = %(lease)s RETURNING buried_at IS NOT NULL"""

BURY: Final = """
    UPDATE outbox SET lease = NULL, held_until = NULL, last_error = %(error)s, buried_at = clock_timestamp()
    WHERE id = %(id)s AND lease = %(lease)s"""

PUT_BACK: Final = """
    UPDATE outbox SET lease = NULL, held_until = NULL, last_error = %(error)s, due_at = clock_timestamp(),
        attempts = attempts - 1
    WHERE id = %(id)s AND lease = %(lease)s"""

CLAIM: Final = """
    WITH picked AS (
        SELECT id FROM outbox
        WHERE buried_at IS NULL AND due_at <= clock_timestamp() AND (held_until IS NULL OR held_until <= clock_timestamp())
            AND split_part(task, '.', 2) NOT IN (SELECT service FROM outbox_breakers)
        ORDER BY held_until NULLS FIRST, due_at, id LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
    UPDATE outbox SET lease = NULL, held_until = clock_timestamp() + make_interval(secs => %(seconds)s)
    FROM picked WHERE outbox.id = picked.id RETURNING outbox.id, outbox.task"""

RELEASE: Final = "UPDATE outbox SET held_until = NULL WHERE id = ANY(%(ids)s) AND lease IS NULL"

BURY_EXHAUSTED: Final = """
    UPDATE outbox SET lease = NULL, held_until = NULL, buried_at = clock_timestamp(),
        last_error = 'the worker ended ' || attempts || ' times while at it'
    WHERE buried_at IS NULL AND lease IS NOT NULL AND held_until <= clock_timestamp() AND attempts >= %(max)s"""

DEAD_LETTERS: Final = """
    SELECT id, task, args, attempts, last_error, created_at, buried_at FROM outbox
    WHERE buried_at IS NOT NULL ORDER BY id DESC LIMIT %(limit)s"""

RESEND: Final = """
    UPDATE outbox SET buried_at = NULL, attempts = 0, due_at = clock_timestamp(), held_until = NULL, lease = NULL
    WHERE buried_at IS NOT NULL AND (%(ids)s::bigint[] IS NULL OR id = ANY(%(ids)s::bigint[]))"""
