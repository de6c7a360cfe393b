"""What an annotation means: its SQL type, whether it may be NULL, and what a value must be."""

from __future__ import annotations

import types
import typing
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, Date, DateTime, Double, Interval, LargeBinary, Numeric, Text, Time, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql.type_api import TypeEngine

from .errors import FieldError

_SQL_TYPES: dict[type, TypeEngine[Any]] = {
    bool: Boolean(),
    int: BigInteger(),
    float: Double(),
    Decimal: Numeric(),
    str: Text(),
    bytes: LargeBinary(),
    datetime: DateTime(timezone=True),
    date: Date(),
    time: Time(),
    timedelta: Interval(),
    UUID: Uuid(),
    dict: JSONB(),
    list: JSONB(),
}

# A value of the second kind is as good as one of the first.
_ALSO: dict[type, tuple[type, ...]] = {float: (int, Decimal), Decimal: (int,), bytes: (bytearray, memoryview)}


@dataclass(frozen=True)
class Kind:
    """A column's Python type, SQL type and nullability."""

    python: type
    sql_type: TypeEngine[Any]
    nullable: bool

    @property
    def enum(self) -> type[StrEnum] | None:
        """The StrEnum the text is turned into, if it is one."""
        return self.python if issubclass(self.python, StrEnum) else None

    def accepts(self, value: Any) -> bool:
        """Whether a value (not None) has the column's type; bool is not an int here, nor a datetime a date."""
        given = type(value)
        if given is self.python or given in _ALSO.get(self.python, ()):
            return True
        if self.enum is not None:
            return isinstance(value, str) and value in set(self.enum)
        if (self.python is int and given is bool) or (self.python is date and isinstance(value, datetime)):
            return False
        return isinstance(value, self.python)


def kind_of(annotation: Any, where: str) -> Kind:
    """The Kind of an annotation; FieldError naming `where` for one that is no column type."""
    nullable = False
    if isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is typing.Union:
        given = [part for part in typing.get_args(annotation) if part is not type(None)]
        nullable = len(given) < len(typing.get_args(annotation))
        annotation = given[0] if len(given) == 1 else annotation
    python = typing.get_origin(annotation) or annotation
    if isinstance(python, type):
        if issubclass(python, StrEnum):
            return Kind(python, Text(), nullable)
        if python in _SQL_TYPES:
            return Kind(python, _SQL_TYPES[python], nullable)
    raise FieldError(f"{where}: no column type for {annotation!r}")
