"""The two roles every shop has: *owner* makes the tables, *web* works with their rows."""

from __future__ import annotations

from typing import Any

import psycopg2
from psycopg2 import sql

OWNER = "shop_owner"
WEB = "shop_web"
DATABASE = "shop"

# They stand on the roles, not on connections, so that they hold behind PgBouncer in transaction mode too.
WEB_SETTINGS = {
    "statement_timeout": "2s",
    "lock_timeout": "1s",
    # Shorter than lock_timeout, or a deadlock would end as a lock timeout, which is not repeated.
    "deadlock_timeout": "200ms",
    "idle_in_transaction_session_timeout": "5s",
    "client_connection_check_interval": "500ms",
    "timezone": "UTC",
}
OWNER_SETTINGS = {"idle_in_transaction_session_timeout": "60s", "timezone": "UTC"}


def create_roles(
    superuser_dsn: str,
    *,
    owner: str = OWNER,
    web: str = WEB,
    database: str = DATABASE,
    owner_password: str | None = None,
    web_password: str | None = None,
) -> None:
    """Creates or corrects both roles and the database; as often as one likes."""
    conn = psycopg2.connect(superuser_dsn)
    try:
        conn.autocommit = True
        with conn.cursor() as cursor:
            _create_role(cursor, owner, owner_password, OWNER_SETTINGS)
            _create_role(cursor, web, web_password, WEB_SETTINGS)
            _create_database(cursor, database, owner, web)
    finally:
        conn.close()


def _create_role(cursor: Any, name: str, password: str | None, settings: dict[str, str]) -> None:
    role = sql.Identifier(name)
    cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (name,))
    if cursor.fetchone() is None:
        cursor.execute(sql.SQL("CREATE ROLE {}").format(role))
    cursor.execute(sql.SQL("ALTER ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS").format(role))
    if password is not None:
        cursor.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(role, sql.Literal(password)))
    for key, value in settings.items():
        cursor.execute(sql.SQL("ALTER ROLE {} SET {} = {}").format(role, sql.Identifier(key), sql.Literal(value)))


def _create_database(cursor: Any, database: str, owner: str, web: str) -> None:
    name = sql.Identifier(database)
    cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (database,))
    if cursor.fetchone() is None:
        cursor.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(name, sql.Identifier(owner)))
    else:
        cursor.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(name, sql.Identifier(owner)))
    cursor.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(name))
    for role in (owner, web):
        cursor.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(name, sql.Identifier(role)))
