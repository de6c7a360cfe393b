"""What keeps a real shop from starting: the demo's database, one whose other processes have another key ring, or too small a one."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

from shop.db import Connection, Database, DbError
from shop.db.engine import POOL_SIZE
from shop.demo import MARK
from shop.facts import fact, state_fact
from shop.settings import Settings

KEYS_FACT: Final = "key_ring"
ROOM: Final = """
    SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int - 5"""


class WrongDatabase(Exception):
    """This database is not for these settings; the text is one sentence for a person."""


async def check_database(settings: Settings) -> None:
    """Raises WrongDatabase. A database that is away says nothing, and does not keep the shop from starting."""
    database = await Database.open(url=settings.database_url, min_size=0, max_size=1)
    is_direct = settings.database_listen_url in {"", settings.database_url}
    try:
        async with database.transaction() as conn:
            await refuse_the_demo(conn)
            if is_direct:  # else PgBouncer makes few of many
                await require_room(conn, settings.processes)
            await agree_on_keys(conn, settings.secret_keys)
    except DbError:
        return
    finally:
        await database.close()


async def refuse_the_demo(conn: Connection) -> None:
    """security: the demo's customers have a password that everybody may read. Raises WrongDatabase."""
    if await fact(conn, MARK) is not None:
        raise WrongDatabase(
            "SHOP_DATABASE_URL holds the demo, whose passwords everybody knows; serve a database of your own."
        )


async def require_room(conn: Connection, processes: int) -> None:
    """Raises WrongDatabase where so many web processes could leave the server fewer than 5 connections for everybody else."""
    given, wanted = await conn.fetch_value(ROOM), processes * POOL_SIZE
    if wanted > given:
        raise WrongDatabase(
            f"SHOP_PROCESSES: {processes} may open {wanted} connections, and PostgreSQL has {given} for them; "
            "raise its max_connections, run fewer, or put PgBouncer between."
        )


async def agree_on_keys(conn: Connection, ring: Sequence[bytes]) -> None:
    """A ring that shares no key with the one that started last would sign everybody out in turns. Raises WrongDatabase.

    While keys are changed, old and new rings share one; the ring of whoever starts is the one that counts from then on.
    """
    ours = [fingerprint(key) for key in ring]
    known = await fact(conn, KEYS_FACT)
    if known is not None and not set(ours) & set(known["fingerprints"]):
        raise WrongDatabase(
            f"SHOP_SECRET_KEYS holds no key that the other processes of this shop know ({', '.join(known['fingerprints'])}); "
            "copy the secrets of a host that runs, or have the new key in front of the old one for a while."
        )
    if known is None or known["fingerprints"] != ours:
        await state_fact(conn, KEYS_FACT, {"fingerprints": ours})


def fingerprint(key: bytes) -> str:
    """A name for a key that tells nothing of it."""
    return hashlib.blake2b(key, digest_size=8, person=b"bayberry-ring").hexdigest()
