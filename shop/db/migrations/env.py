"""Alembic's entry: one migration at a time, in statements that would rather fail than hold up the shop."""

from __future__ import annotations

from typing import Any

import psycopg2
from alembic import context
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from shop.db.migrations import LOCK

WAIT_FOR_OTHERS = "5min"
LOCK_TIMEOUT = "3s"
STATEMENT_TIMEOUT = "60s"

attributes = context.config.attributes


def _note(ctx: Any, step: Any, heads: Any, run_args: Any) -> None:
    attributes.setdefault("applied", []).append(step.up_revision_id)


def _offline() -> None:
    context.configure(dialect_name="postgresql", literal_binds=True, target_metadata=attributes.get("metadata"))
    with context.begin_transaction():
        context.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}'")
        context.execute(f"SET statement_timeout = '{STATEMENT_TIMEOUT}'")
        context.run_migrations()


def _online() -> None:
    url = attributes["url"]
    engine = create_engine("postgresql+psycopg2://", creator=lambda: psycopg2.connect(url), poolclass=NullPool)
    with engine.connect() as conn:
        conn.execute(text(f"SET lock_timeout = '{WAIT_FOR_OTHERS}'"))
        conn.execute(text(f"SELECT pg_advisory_lock({LOCK})"))
        conn.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
        conn.execute(text(f"SET statement_timeout = '{STATEMENT_TIMEOUT}'"))
        conn.commit()
        context.configure(
            connection=conn,
            target_metadata=attributes.get("metadata"),
            transaction_per_migration=True,
            compare_type=True,
            compare_server_default=True,
            on_version_apply=_note,
        )
        with context.begin_transaction():
            context.run_migrations()


if context.is_offline_mode():
    _offline()
else:
    _online()
