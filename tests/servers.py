"""The suite's own scratch servers: one PostgreSQL and one Valkey a test process, emptied between tests."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg2
from aiohttp.test_utils import TestClient, TestServer
from redis import Redis

from shop.embedded import DATABASE, Postgres, Valkey
from shop.web.server import Runner

# Tables that migrations fill keep their rows. Deleting a few rows is far quicker than TRUNCATE, which makes new files.
WIPE = """
CREATE TEMPORARY TABLE kept (name regclass PRIMARY KEY);
CREATE FUNCTION pg_temp.wipe() RETURNS void LANGUAGE plpgsql AS $$
DECLARE t regclass; full_one boolean; s record;
BEGIN
    SET LOCAL session_replication_role = replica;  -- neither foreign keys nor append-only triggers stop the broom
    FOR t IN SELECT c.oid::regclass FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE c.relkind = 'r' AND n.nspname = 'public' AND c.oid NOT IN (SELECT name::oid FROM kept)
    LOOP
        IF pg_relation_size(t) > 1000000 THEN
            EXECUTE format('TRUNCATE %s CASCADE', t);
        ELSIF pg_relation_size(t) > 0 THEN
            EXECUTE format('DELETE FROM %s', t);
        END IF;
    END LOOP;
    FOR s IN SELECT format('%I.%I', schemaname, sequencename)::regclass AS name, start_value
             FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL
             AND NOT EXISTS (SELECT FROM pg_depend d JOIN kept ON d.refobjid = kept.name::oid
                 WHERE d.objid = format('%I.%I', schemaname, sequencename)::regclass AND d.deptype = 'i')
    LOOP
        PERFORM setval(s.name, s.start_value, false);
    END LOOP;
END $$;
"""
KEEP = """
DO $$
DECLARE t regclass; has_rows boolean;
BEGIN
    FOR t IN SELECT c.oid::regclass FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE c.relkind = 'r' AND n.nspname = 'public'
    LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %s)', t) INTO has_rows;
        IF has_rows THEN INSERT INTO kept VALUES (t); END IF;
    END LOOP;
END $$;
"""


class ShopServer(TestServer):
    """aiohttp's test server around the runner that serves the real shop."""

    async def _make_runner(self, **options: Any) -> Runner:
        return Runner(self.app, **options)


async def leave(visitor: TestClient[Any, Any]) -> None:
    """Close a visitor's browser and the answers it did not read to their end, which the collector would find in another test."""
    for answer in visitor._responses:
        answer.close()
    await visitor.session.close()


class Broom:
    """Empties both servers between two tests, in a few milliseconds."""

    def __init__(self, postgres: Postgres, valkey: Valkey) -> None:
        self._connection = psycopg2.connect(postgres.superuser_url, dbname=DATABASE)
        self._connection.autocommit = True
        self._redis = Redis.from_url(valkey.url)
        self._say("SET lock_timeout = '5s'")  # a transaction that a test left open is reported, not waited for
        self._say(WIPE)
        self._say(KEEP)

    def sweep(self) -> None:
        """Remove every row a test wrote and every key, and start the sequences again."""
        self._say("SELECT pg_temp.wipe()")
        self._redis.flushall()

    def close(self) -> None:
        """Let go of both servers."""
        self._connection.close()
        self._redis.close()

    def _say(self, sql: str) -> None:
        with self._connection.cursor() as cursor:
            cursor.execute(sql)


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder the unprivileged account of PostgreSQL reaches too, gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="bayberry-test-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
