"""What is known about the pictures that are kept."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from shop.db import Connection

USED: Final = """
SELECT coalesce(sum(size) FILTER (WHERE created_by = %(by)s AND created_at > now() - interval '1 day'), 0) AS person,
       coalesce(sum(size), 0) + (SELECT coalesce(sum(size), 0) FROM media_objects WHERE length(name) > 69) AS shop
FROM media_files
"""
KNOWN: Final = "SELECT fingerprint FROM media_files WHERE fingerprint = ANY(%(fingerprints)s)"
OBJECTS: Final = """
SELECT name, digest, size FROM media_objects WHERE name > %(after)s ORDER BY name LIMIT %(limit)s
"""
STRAYS: Final = """
SELECT name FROM unnest(%(names)s::text[]) AS kept (name) WHERE NOT EXISTS (SELECT FROM media_objects o WHERE o.name = kept.name)
"""
REFERRING: Final = """
SELECT conrelid::regclass::text AS table, attname AS column
FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
WHERE c.contype = 'f' AND c.confrelid = 'media_files'::regclass AND c.conrelid <> 'media_objects'::regclass
"""


@dataclass(frozen=True, slots=True)
class Used:
    """Bytes that one person added within a day, and that all pictures take."""

    person: int
    shop: int


@dataclass(frozen=True, slots=True)
class Kept:
    """A file that has to be in the store, with the SHA-256 and the size (bytes) it has to have."""

    name: str
    digest: str
    size: int


async def used_by(conn: Connection, by: str) -> Used:
    """How much room is taken."""
    row = await conn.fetch_one(USED, {"by": by})
    assert row is not None
    return Used(int(row.person), int(row.shop))


async def unknown_pictures(conn: Connection, fingerprints: Collection[str]) -> set[str]:
    """Those of the fingerprints that no picture has; a text that shows one of them cannot be saved."""
    rows = await conn.fetch_all(KNOWN, {"fingerprints": list(fingerprints)})
    return set(fingerprints) - {row.fingerprint for row in rows}


async def kept_objects(conn: Connection, after: str = "", limit: int = 1000) -> list[Kept]:
    """Files by name, those behind `after`."""
    rows = await conn.fetch_all(OBJECTS, {"after": after, "limit": limit})
    return [Kept(row.name, row.digest, row.size) for row in rows]


async def count_objects(conn: Connection) -> int:
    """How many files there are."""
    return int(await conn.fetch_value("SELECT count(*) FROM media_objects"))


async def strays_among(conn: Connection, names: Collection[str]) -> list[str]:
    """Those of the names that no picture has."""
    return [row.name for row in await conn.fetch_all(STRAYS, {"names": list(names)})]


async def orphans(conn: Connection, grace: timedelta, limit: int) -> list[str]:
    """Pictures that nothing has referred to since `grace`, locked; whatever table refers to pictures is asked.

    security: the query is made of the catalogue's own names of tables and columns.
    """
    referring = await conn.fetch_all(REFERRING)
    unused = " ".join(
        f"AND NOT EXISTS (SELECT FROM {row.table} r WHERE r.{row.column} = m.fingerprint)" for row in referring
    )
    rows = await conn.fetch_all(
        f"SELECT fingerprint FROM media_files m WHERE used_at < now() - %(grace)s {unused} "  # noqa: S608
        "ORDER BY used_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED",
        {"grace": grace, "limit": limit},
    )
    return [row.fingerprint for row in rows]
