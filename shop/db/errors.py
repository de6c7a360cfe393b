"""What can go wrong between the shop and PostgreSQL, in the shop's own words."""

from __future__ import annotations

from typing import Any

import psycopg2


class DbError(Exception):
    """What PostgreSQL or the way to it answered instead of rows; `sqlstate` is None when the server said nothing."""

    sqlstate: str | None = None


class DbUnavailable(DbError):
    """The server is away, the connection was lost, or no connection came free in time: a 503 page with Retry-After."""

    retry_after = 5


class CommitUnknown(DbUnavailable):
    """The connection was lost while COMMIT was under way: the transaction may be in the database or not."""


class DbTimeout(DbError):
    """The deadline of the request, of the call or of the server (`statement_timeout`) has passed."""

    retry_after = 5


class Conflict(DbError):
    """Another transaction was in the way; nothing is wrong with the data and a later try may succeed."""

    retry_after = 1


class SerializationFailure(Conflict):
    """40001: `Database.in_transaction` repeats the work."""


class DeadlockDetected(Conflict):
    """40P01: `Database.in_transaction` repeats the work."""


class LockNotAvailable(Conflict):
    """55P03: `lock_timeout` passed, or NOWAIT met a locked row."""


class ReadOnly(DbError):
    """25006: this server (a replica, or a primary in maintenance) takes no writes at the moment."""

    retry_after = 30


class DataError(DbError):
    """A value does not fit its column: too long, out of range, not a number."""


class QueryError(DbError):
    """The SQL itself is wrong, or this role may not run it: a mistake in the program."""


class IntegrityError(DbError):
    """A constraint said no; `constraint` is its name (the column's for NOT NULL) and `table` the table's."""

    constraint: str | None = None
    table: str | None = None


class UniqueViolation(IntegrityError):
    """There is such a row already."""


class CheckViolation(IntegrityError):
    """A CHECK constraint is not met."""


class ForeignKeyViolation(IntegrityError):
    """The row that is referred to does not exist, or is still referred to."""


class NotNullViolation(IntegrityError):
    """A column that must have a value got none."""


class ExclusionViolation(IntegrityError):
    """The row overlaps with another one."""


class DoesNotExist(Exception):
    """No row matches; every model has its own subclass."""


class MultipleObjectsReturned(Exception):
    """More than one row matches where one was asked for; every model has its own subclass."""


class FieldError(TypeError):
    """A field, lookup, relation or value that the model does not know, named with its model."""


class NotLoaded(AttributeError):
    """A relation was read that the query did not load."""


_BY_STATE: dict[str, type[DbError]] = {
    "40001": SerializationFailure,
    "40P01": DeadlockDetected,
    "55P03": LockNotAvailable,
    "25006": ReadOnly,
    "23505": UniqueViolation,
    "23514": CheckViolation,
    "23503": ForeignKeyViolation,
    "23502": NotNullViolation,
    "23P01": ExclusionViolation,
    "57014": DbTimeout,  # statement_timeout
    "25P03": DbTimeout,  # idle_in_transaction_session_timeout
    # Else by class: 08 connection, 53 resources (full server, full disk), 57 operator (shutdown), 58 system, 28 login.
    **dict.fromkeys(("08", "53", "57", "58", "28"), DbUnavailable),
    **{"22": DataError, "23": IntegrityError, "40": Conflict},
}


def translated(error: psycopg2.Error) -> DbError:
    """The shop's own error for one of psycopg2's."""
    state = error.pgcode or ""
    lost = not state and isinstance(error, psycopg2.OperationalError | psycopg2.InterfaceError)
    kind = DbUnavailable if lost else _BY_STATE.get(state) or _BY_STATE.get(state[:2], QueryError)
    told = kind(str(error).strip())
    told.sqlstate = error.pgcode
    if isinstance(told, IntegrityError):
        where: Any = error.diag
        told.constraint = where.constraint_name or where.column_name
        told.table = where.table_name
    return told
