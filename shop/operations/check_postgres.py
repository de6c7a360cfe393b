"""Is PostgreSQL what the shop needs: reachable, of the right version and schema, as the right role, with the right clock?"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any, Final

from alembic.script import ScriptDirectory

from shop.db import Database, DbError, Row
from shop.db.listen import Listener
from shop.db.migrations import config_for
from shop.facts import fact
from shop.operations.findings import Finding, error, fine, warning
from shop.settings import Settings
from shop.start_checks import KEYS_FACT, fingerprint

POSTGRES: Final = "PostgreSQL"
REPLICA: Final = "replica"
LISTEN: Final = "notifications"
OLDEST: Final = 150000
CLOCK_SECONDS: Final = (1.0, 5.0)  # warn, fail: links and sessions end by the database's clock
CROWDED: Final = 0.8
LAG_SECONDS: Final = 30.0
HEAR_SECONDS: Final = 3.0

ABOUT: Final = """
    SELECT current_setting('server_version_num')::int AS number, current_setting('server_version') AS version,
        extract(epoch FROM clock_timestamp())::float8 AS clock, current_user AS role,
        (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS is_superuser,
        has_schema_privilege('public', 'CREATE') AS may_change_tables,
        current_setting('statement_timeout') AS patience, current_setting('fsync') AS fsync,
        current_setting('full_page_writes') AS full_page_writes, current_setting('synchronous_commit') AS commits,
        current_setting('max_connections')::int AS room, (SELECT count(*) FROM pg_stat_activity
            WHERE backend_type = 'client backend') AS connections,
        pg_is_in_recovery() AS is_replica"""

INVALID_INDEXES: Final = "SELECT indexrelid::regclass::text AS name FROM pg_index WHERE NOT indisvalid"
TABLES: Final = "SELECT to_regclass('public.alembic_version') IS NOT NULL"
# What the backup has not fetched yet stays on the server's disk, so a slot that nobody reads fills it.
SLOTS: Final = """
    SELECT slot_name AS name, coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn), 0)::bigint AS kept
    FROM pg_replication_slots WHERE NOT active AND NOT temporary"""
REVISION: Final = "SELECT version_num FROM alembic_version"

LAG: Final = """
    SELECT pg_is_in_recovery() AS is_replica, CASE
        WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
        ELSE coalesce(extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()), 0) END::float8 AS lag"""


async def check_postgres(settings: Settings) -> list[Finding]:
    """The primary, as the role the shop uses."""
    database = await Database.open(url=settings.database_url, min_size=0, max_size=1)
    try:
        async with database.read() as conn:
            began = time.time()
            about = await conn.fetch_one(ABOUT)
            ended = time.time()
            assert about is not None
            revision = await conn.fetch_value(REVISION) if await conn.fetch_value(TABLES) else None
            broken = [row.name for row in await conn.fetch_all(INVALID_INDEXES)]
            slots = [] if about.is_replica else await conn.fetch_all(SLOTS)
            keys = await fact(conn, KEYS_FACT)
    except DbError as problem:
        return [error(POSTGRES, f"cannot be used ({_brief(problem)}); start it, or correct SHOP_DATABASE_URL.")]
    finally:
        await database.close()
    drift = max(0.0, began - about.clock, about.clock - ended)
    found = [*_server(about), *_role(about), *_clock(drift)]
    found += await asyncio.to_thread(lambda: list(_schema(revision)))
    found += [
        error(POSTGRES, f"the index {name} is half built; as the owner: REINDEX INDEX CONCURRENTLY {name}.")
        for name in broken
    ]
    found += [
        warning(POSTGRES, f"nobody reads the slot {row.name}, and {row.kept >> 20} MB wait for it; start shop-archive.")
        for row in slots
    ]
    found += _keys(settings, keys)
    return found or [fine(POSTGRES, f"{about.version}, schema {revision}, clock within {drift:.1f} s.")]


def _server(about: Row) -> Iterator[Finding]:
    if about.number < OLDEST:
        yield error(POSTGRES, f"is {about.version}, and the shop needs 15 or newer; upgrade the server.")
    if about.is_replica:
        yield error(POSTGRES, "SHOP_DATABASE_URL leads to a replica, which takes no orders; point it at the primary.")
    if "off" in (about.fsync, about.full_page_writes):
        yield error(POSTGRES, "a power cut may ruin it; set fsync and full_page_writes to on and restart it.")
    if about.commits in ("off", "local"):
        yield warning(POSTGRES, "a crash may lose confirmed orders; set synchronous_commit to on.")
    if about.connections > CROWDED * about.room:
        yield warning(
            POSTGRES,
            f"{about.connections} of {about.room} connections are taken; raise max_connections or run fewer processes.",
        )


def _role(about: Row) -> Iterator[Finding]:
    if about.is_superuser or about.may_change_tables:
        yield error(
            POSTGRES,
            f"the role {about.role} may change tables; name the web role in SHOP_DATABASE_URL, not the owner.",
        )
    elif about.patience == "0":
        yield warning(
            POSTGRES,
            f"the role {about.role} waits for ever; run `run.py install` again, which sets its timeouts, or ALTER ROLE it.",
        )


def _clock(drift: float) -> Iterator[Finding]:
    warn, fail = CLOCK_SECONDS
    if drift > warn:
        say = error if drift > fail else warning
        yield say("clock", f"this machine and PostgreSQL differ by {drift:.1f} s; let both follow NTP (timedatectl).")


def _keys(settings: Settings, known: dict[str, Any] | None) -> Iterator[Finding]:
    ours = {fingerprint(key) for key in settings.secret_keys}
    if known is not None and not ours & set(known["fingerprints"]):
        yield error(
            "keys",
            "SHOP_SECRET_KEYS holds no key of the processes that run; copy the secrets of a host that runs.",
        )


def _schema(revision: str | None) -> Iterator[Finding]:
    scripts = ScriptDirectory.from_config(config_for(""))
    head = scripts.get_current_head()
    if revision == head:
        return
    known = {script.revision for script in scripts.walk_revisions()}
    if revision is not None and revision not in known:
        yield warning("schema", f"is at {revision}, which this version does not know; a newer one runs beside it.")
    else:
        yield error("schema", f"is at {revision or 'nothing'} and has to be at {head}; run `run.py migrate`.")


async def check_replica(settings: Settings) -> list[Finding]:
    """The replica of SHOP_REPLICA_URL, where there is one."""
    if not settings.replica_url:
        return []
    database = await Database.open(url=settings.replica_url, min_size=0, max_size=1)
    try:
        async with database.read() as conn:
            state = await conn.fetch_one(LAG)
            assert state is not None
    except DbError as problem:
        return [error(REPLICA, f"cannot be used ({_brief(problem)}); start it, or empty SHOP_REPLICA_URL.")]
    finally:
        await database.close()
    if not state.is_replica:
        return [warning(REPLICA, "SHOP_REPLICA_URL leads to a primary; empty it, or correct it after a failover.")]
    if state.lag > LAG_SECONDS:
        return [warning(REPLICA, f"is {state.lag:.0f} s behind; look at its disk and at pg_stat_replication.")]
    return [fine(REPLICA, f"{state.lag:.1f} s behind.")]


async def check_notifications(settings: Settings) -> list[Finding]:
    """Whether what one connection says reaches another that listens: through PgBouncer it would not."""
    heard = asyncio.Event()
    ready = asyncio.Event()
    channel = "doctor"
    listener = Listener(settings.database_listen_url, {channel: lambda _text: heard.set()}, ready.set)
    database = await Database.open(url=settings.database_url, min_size=0, max_size=1)
    listener.start()
    try:
        async with asyncio.timeout(HEAR_SECONDS):
            await ready.wait()
            async with database.read() as conn:
                await conn.execute("SELECT pg_notify(%(channel)s, '')", {"channel": channel})
            await heard.wait()
    except (TimeoutError, DbError):
        return [
            error(
                LISTEN,
                "nothing is heard over SHOP_DATABASE_LISTEN_URL; let it lead to PostgreSQL itself, not through PgBouncer.",
            )
        ]
    finally:
        await listener.stop()
        await database.close()
    return [fine(LISTEN, "are heard.")]


def _brief(problem: Exception) -> str:
    return str(problem).strip().replace("\n", " ")[:200]
