"""Rows of plain SQL: tuples whose columns are attributes (`row.price`) and keys (`row["price"]`)."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable
from functools import lru_cache
from typing import Any, cast


class Row(tuple[Any, ...]):
    """One row: `row.price`, `row["price"]`, `row[0]`, `dict(row.mapping)`, and it unpacks like a tuple."""

    __slots__ = ()
    _fields: tuple[str, ...]
    _make: Callable[[tuple[Any, ...]], Row]

    @property
    def mapping(self) -> dict[str, Any]:
        """The row as a dict of column name to value."""
        return dict(zip(self._fields, self, strict=True))

    def __getitem__(self, key: Any) -> Any:
        return getattr(self, key) if type(key) is str else tuple.__getitem__(self, key)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"the row has no column {name!r}; it has {', '.join(self._fields)}")


@lru_cache(maxsize=1000)
def row_class(names: tuple[str, ...]) -> type[Row]:
    """The class of rows with these columns; a name Python cannot spell becomes `_0`, `_1` … by its place."""
    fields = cast("Any", namedtuple("Row", names, rename=True))
    return cast("type[Row]", type("Row", (Row, fields), {"__slots__": ()}))
