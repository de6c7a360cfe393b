"""Is what was promised being kept: how old are the promises, which were given up, which service is away?"""

from __future__ import annotations

from typing import Final

from shop.db import Database, DbError
from shop.operations.findings import Finding, error, fine, warning
from shop.settings import Settings

OUTBOX: Final = "outbox"
AGE_SECONDS: Final = (60.0, 600.0)  # warn, fail

WAITING: Final = """
    SELECT count(*) AS waiting, count(*) FILTER (WHERE split_part(task, '.', 2) NOT IN (
            SELECT service FROM outbox_breakers)) AS due,
        coalesce(extract(epoch FROM clock_timestamp() - min(due_at)), 0)::float8 AS age
    FROM outbox WHERE buried_at IS NULL AND due_at <= clock_timestamp()"""
DEAD: Final = "SELECT count(*) AS letters, max(last_error) AS reason FROM outbox WHERE buried_at IS NOT NULL"
AWAY: Final = """
    SELECT service, extract(epoch FROM clock_timestamp() - opened_at)::float8 AS seconds FROM outbox_breakers"""


async def check_promises(settings: Settings) -> list[Finding]:
    """The outbox; when PostgreSQL is away, its own check says so."""
    database = await Database.open(url=settings.database_url, min_size=0, max_size=1)
    try:
        async with database.read() as conn:
            waiting = await conn.fetch_one(WAITING)
            dead = await conn.fetch_one(DEAD)
            away = await conn.fetch_all(AWAY)
    except DbError:
        return []
    finally:
        await database.close()
    assert waiting is not None
    assert dead is not None
    found: list[Finding] = []
    warn, fail = AGE_SECONDS
    if waiting.due and waiting.age > warn:
        say = error if waiting.age > fail else warning
        found.append(
            say(
                OUTBOX,
                f"{waiting.waiting} promises wait, the oldest for {waiting.age:.0f} s; start shop-relay and shop-worker.",
            )
        )
    if dead.letters:
        found.append(
            warning(
                OUTBOX,
                f"{dead.letters} dead letters ({str(dead.reason)[:120]}); mend the cause, then `run.py letters --resend`.",
            )
        )
    for breaker in away:
        found.append(
            error(OUTBOX, f"the service of {breaker.service} tasks is away for {breaker.seconds:.0f} s; bring it back.")
        )
    return found or [fine(OUTBOX, f"{waiting.waiting} promises wait.")]
