"""Changes of the schema: `migrate` applies them as the owner, `plan` shows their SQL."""

from __future__ import annotations

import io
from pathlib import Path

import psycopg2
from alembic import command, context
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, create_engine
from sqlalchemy.pool import NullPool

from .roles import WEB

LOCK = 7_242_691  # of an advisory lock: any number, the same in every version of the shop


def config_for(owner_url: str, *, metadata: MetaData | None = None, web_role: str = WEB) -> Config:
    """Alembic's configuration for this database, with no file to read."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes.update(url=owner_url, metadata=metadata, web_role=web_role)
    return config


def migrate(owner_url: str, *, web_role: str = WEB) -> list[str]:
    """Brings the database to the newest revision; the revisions that were applied, oldest first.

    The URL must lead to PostgreSQL itself: an advisory lock of the session keeps a second migration waiting.
    """
    config = config_for(owner_url, web_role=web_role)
    applied: list[str] = []
    config.attributes["applied"] = applied
    command.upgrade(config, "head")
    return applied


def plan(owner_url: str, *, web_role: str = WEB) -> str:
    """The SQL that `migrate` would run now; empty when the database is up to date."""
    config = config_for(owner_url, web_role=web_role)
    config.output_buffer = io.StringIO()
    start = current(owner_url)
    if start == ScriptDirectory.from_config(config).get_current_head():
        return ""
    command.upgrade(config, f"{start or 'base'}:head", sql=True)
    return config.output_buffer.getvalue()


def current(owner_url: str) -> str | None:
    """The revision the database is at, None before the first."""
    engine = create_engine("postgresql+psycopg2://", creator=lambda: psycopg2.connect(owner_url), poolclass=NullPool)
    with engine.connect() as conn:
        return MigrationContext.configure(conn).get_current_revision()


def web_role() -> str:
    """The quoted name of the web role, for GRANT and REVOKE in a migration."""
    name: str = context.config.attributes["web_role"]
    return '"' + name.replace('"', '""') + '"'
