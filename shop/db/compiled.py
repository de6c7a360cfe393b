"""SQLAlchemy statements as SQL text and parameters for psycopg2."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg2.extras import Json
from sqlalchemy import Select
from sqlalchemy.dialects.postgresql import psycopg2 as dialects
from sqlalchemy.sql.elements import ClauseElement

DIALECT: Any = dialects.dialect(paramstyle="pyformat")  # type: ignore[no-untyped-call]


def compiled(
    statement: ClauseElement, params: Mapping[str, Any] | None = None, *, partial: bool = False
) -> tuple[str, dict[str, Any]]:
    """The text of a Core statement and its values, ready for the driver; `partial` when some are still to come."""
    done: Any = statement.compile(dialect=DIALECT, column_keys=[], compile_kwargs={"render_postcompile": True})
    values = done.construct_params(params or None, _check=not partial)
    for name, process in done._bind_processors.items():
        if values.get(name) is not None:
            values[name] = process(values[name])
    return str(done), values


def bound(statement: Select[Any], binders: Sequence[Any], values: Sequence[Any]) -> Select[Any]:
    """The statement with its values in it, for SQLAlchemy to go on with."""
    given = {name: check(value) for (name, check), value in zip(binders, values, strict=True)}
    return statement.params(
        {name: value.adapted if isinstance(value, Json) else value for name, value in given.items()}
    )
