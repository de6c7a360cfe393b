"""SQLAlchemy statements as SQL text and parameters for psycopg2."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.dialects.postgresql import psycopg2 as dialects
from sqlalchemy.sql.elements import ClauseElement

DIALECT: Any = dialects.dialect(paramstyle="pyformat")  # type: ignore[no-untyped-call]


def compiled(statement: ClauseElement, params: Mapping[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
    """The text of a Core statement and its values, ready for the driver."""
    done: Any = statement.compile(dialect=DIALECT, compile_kwargs={"render_postcompile": True})
    values = done.construct_params(params or None)
    for name, process in done._bind_processors.items():
        if name in values:
            values[name] = process(values[name])
    return str(done), values
