"""The schema is made by migrations, as the owner, one at a time; models and migrations tell the same."""

from __future__ import annotations

import argparse
import re
import threading
from collections.abc import Iterator
from typing import Any

import psycopg2
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from shop.commands import migrate as command
from shop.commands.models import import_models
from shop.db.compiled import DIALECT
from shop.db.migrations import LOCK, config_for, current, migrate, plan
from shop.embedded import DATABASE, OWNER, Postgres


@pytest.fixture
def empty(postgres: Postgres) -> Iterator[str]:
    """The owner's URL of an empty database."""
    server = psycopg2.connect(postgres.superuser_url)
    server.autocommit = True
    server.cursor().execute(f"CREATE DATABASE to_migrate OWNER {OWNER}")
    yield postgres.owner_url.replace(f"@/{DATABASE}?", "@/to_migrate?")
    server.cursor().execute("DROP DATABASE to_migrate WITH (FORCE)")
    server.close()


# PostgreSQL writes a generated column's expression in words of its own, so Alembic cannot compare those.
@pytest.mark.filterwarnings("ignore:Computed default")
def test_models_and_migrations_tell_the_same(postgres: Postgres) -> None:
    engine = create_engine(
        "postgresql+psycopg2://", creator=lambda: psycopg2.connect(postgres.owner_url), poolclass=NullPool
    )
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert [change for change in compare_metadata(context, import_models()) if not reads_the_same(change)] == []


def reads_the_same(change: Any) -> bool:
    """Two spellings of one default: Alembic compares values, and those of gen_random_uuid() and clock_timestamp() never equal."""
    if change[0][0] != "modify_default":
        return False
    old, new = (re.sub(r"::\w+|[()\s]", "", str(default.arg.compile(dialect=DIALECT))) for default in change[0][5:])
    return old == new


def test_the_migrations_are_one_line() -> None:
    scripts = ScriptDirectory.from_config(config_for(""))
    assert len(scripts.get_heads()) == 1
    assert all(not script.is_branch_point and not script.is_merge_point for script in scripts.walk_revisions())


def test_the_plan_shows_the_sql_and_changes_nothing(empty: str) -> None:
    sql = plan(empty)
    assert "SET lock_timeout = '3s'" in sql
    assert "SET statement_timeout = '60s'" in sql
    assert (
        'ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO "shop_web"' in sql
    )
    assert current(empty) is None


# What the version of the shop that is still running would stumble over.
CONTRACTION = re.compile(
    r"\b(DROP\s+(TABLE|COLUMN)|RENAME\s+(TO|COLUMN)|ALTER\s+COLUMN\s+\w+\s+(SET\s+DATA\s+)?TYPE)\b", re.IGNORECASE
)


def test_the_migrations_only_expand(empty: str) -> None:
    """Whoever takes something away, a release after nothing needs it, names it here."""
    assert CONTRACTION.findall(plan(empty)) == []
    assert CONTRACTION.search("ALTER TABLE skus DROP COLUMN weight")
    assert CONTRACTION.search("ALTER TABLE skus ALTER COLUMN weight TYPE text")
    assert not CONTRACTION.search("ALTER TABLE skus ADD COLUMN weight bigint")


def test_the_rights_go_to_whoever_the_shop_connects_as(
    empty: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_DATABASE_URL", "postgresql://grocer@/shop?host=/run/postgresql")
    assert command.main(argparse.Namespace(url=empty, plan=True)) == 0
    assert 'GRANT USAGE ON SCHEMA public TO "grocer"' in capsys.readouterr().out


def test_the_command_migrates_once(empty: str, capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    assert command.main(parser.parse_args(["--url", empty])) == 0
    assert capsys.readouterr().out.startswith("applied: 0001")
    assert command.main(parser.parse_args(["--url", empty])) == 0
    assert command.main(parser.parse_args(["--url", empty, "--plan"])) == 0
    assert capsys.readouterr().out == "nothing to do\n-- nothing to do\n"
    assert command.main(parser.parse_args([])) == 2


def test_a_second_migration_waits_for_the_first(empty: str) -> None:
    first = psycopg2.connect(empty)
    first.cursor().execute(f"SELECT pg_advisory_lock({LOCK})")
    applied: list[str] = []
    second = threading.Thread(target=lambda: applied.extend(migrate(empty)))
    second.start()
    second.join(0.5)
    assert second.is_alive()
    assert applied == []
    first.close()
    second.join(20)
    assert applied[0] == "0001"


def test_the_web_role_works_with_rows_and_makes_no_table(postgres: Postgres) -> None:
    web = psycopg2.connect(postgres.web_url)
    try:
        with web.cursor() as cursor:
            with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                cursor.execute("CREATE TABLE mine ()")
            web.rollback()
            cursor.execute("SELECT has_table_privilege('accounts', 'INSERT, UPDATE, DELETE')")
            assert cursor.fetchone() == (True,)
    finally:
        web.close()
