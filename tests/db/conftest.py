"""A database of these tests' own on the suite's server, with the cast's tables, empty before each test."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator

import psycopg2
import pytest
from sqlalchemy.schema import CreateTable

from shop.db import Connection, Database, DbUnavailable
from shop.db.compiled import DIALECT
from shop.embedded import DATABASE, Postgres
from tests.db.cast import Table

OWN = "models_of_tests"


@pytest.fixture(scope="session")
def own_url(postgres: Postgres) -> str:
    """The web role's URL of the tests' own database."""
    server = psycopg2.connect(postgres.superuser_url)
    server.autocommit = True
    server.cursor().execute(f"CREATE DATABASE {OWN}")
    server.close()
    owner = psycopg2.connect(postgres.superuser_url, dbname=OWN)
    with owner, owner.cursor() as cursor:
        for table in Table.metadata.sorted_tables:
            cursor.execute(str(CreateTable(table).compile(dialect=DIALECT)))
        cursor.execute("GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON ALL TABLES IN SCHEMA public TO PUBLIC")
        cursor.execute("GRANT USAGE, UPDATE ON ALL SEQUENCES IN SCHEMA public TO PUBLIC")
    owner.close()
    return postgres.web_url.replace(f"@/{DATABASE}?", f"@/{OWN}?")


@pytest.fixture(scope="session")
async def own_database(own_url: str) -> AsyncIterator[Database]:
    database = await Database.open(url=own_url, max_size=10)
    for _ in range(20):  # on a machine that is busy starting servers, half a second for a first connection is not much
        with contextlib.suppress(DbUnavailable):
            async with database.read():
                break
    yield database
    await database.close()


@pytest.fixture(scope="session")
def wipe(postgres: Postgres, own_url: str) -> Iterator[psycopg2.extensions.connection]:
    owner = psycopg2.connect(postgres.superuser_url, dbname=OWN)
    owner.autocommit = True
    yield owner
    owner.close()


@pytest.fixture
def own_tables(wipe: psycopg2.extensions.connection) -> None:
    """Empty tables, and sequences at 1."""
    with wipe.cursor() as cursor:
        cursor.execute("TRUNCATE seen, skus, products, brands, categories RESTART IDENTITY CASCADE")


@pytest.fixture
def own(own_database: Database, own_tables: None) -> Database:
    """The database, emptied."""
    return own_database


@pytest.fixture
async def conn(own: Database) -> AsyncIterator[Connection]:
    """A transaction on the empty database."""
    async with own.transaction() as conn:
        yield conn
