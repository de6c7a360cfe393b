"""What the managers know about a model: its columns, its relations, its key."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from sqlalchemy import UniqueConstraint

from .columns import Kind
from .errors import FieldError


class RelationSpec(NamedTuple):
    """A relation as declared: the row behind our `column`, or the rows of `table` whose `column` points here."""

    column: str
    table: str = ""

    @property
    def advice(self) -> str:
        """The method that loads it."""
        return "prefetch_related" if self.table else "select_related"


class Relation(NamedTuple):
    """`table.column` points to the row of `target` with that `target_column`."""

    column: str
    target: Any
    target_column: str
    nullable: bool
    is_many: bool = False
    back: str = ""  # for a to-many relation, the name of the way back


class Meta:
    """A model's fields by name; every wrong name is a FieldError that tells the right ones."""

    def __init__(self, model: Any, kinds: dict[str, Kind], relations: dict[str, RelationSpec]) -> None:
        self.model, self.kinds, self.declared = model, kinds, relations
        self.key: tuple[str, ...] = tuple(column.name for column in model.table.primary_key.columns)
        self.names = tuple(kinds)
        self.enums = {name: kind.enum for name, kind in kinds.items() if kind.enum is not None}
        self.defaults: dict[str, Callable[[], Any]] = {
            column.name: _default(column.default) for column in model.table.columns if column.default is not None
        }

    def column(self, name: str) -> str | None:
        """The column of this name, `pk` being the primary key's; None where it is something else."""
        if name == "pk" and len(self.key) == 1:
            return self.key[0]
        return name if name in self.kinds else None

    def has(self, name: str) -> bool:
        """Whether it is a column or a relation."""
        return self.column(name) is not None or name in self.declared

    def require(self, name: str) -> None:
        """FieldError where the model has no such field."""
        if not self.has(name):
            known = ", ".join((*self.kinds, *self.declared))
            raise FieldError(f"{self.model.__name__} has no field {name!r}; it has {known}")

    def relation(self, name: str) -> Relation:
        """The to-one relation of this name."""
        self.require(name)
        declared = self.declared.get(name)
        label = f"{self.model.__name__}.{name}"
        if declared is None:
            raise FieldError(f"{label} is no relation, so nothing can follow it")
        if declared.table:
            raise FieldError(f"{label} leads to many rows: say .where(exists(…)), or prefetch_related")
        return self._pointed_to(declared.column)

    def many(self, name: str) -> Relation | None:
        """For a to-many relation: its rows as the target, their column that points here, and ours."""
        declared = self.declared.get(name)
        if declared is None or not declared.table:
            return None
        rows = self.model.metadata.tables[declared.table].info["model"]
        key = rows._meta._pointed_to(declared.column).target_column
        back = [name for name, one in rows._meta.declared.items() if one == RelationSpec(declared.column)]
        return Relation(key, rows, declared.column, False, True, back[0] if back else "")

    def uniques(self) -> list[tuple[str, ...]]:
        """The sets of columns that name at most one row."""
        table = self.model.table
        sets = [c.columns for c in table.constraints if isinstance(c, UniqueConstraint)]
        sets += [i.columns for i in table.indexes if i.unique and i.dialect_kwargs.get("postgresql_where") is None]
        return [self.key, *(tuple(column.name for column in columns) for columns in sets)]

    def _pointed_to(self, name: str) -> Relation:
        (key,) = self.model.table.c[name].foreign_keys
        return Relation(name, key.column.table.info["model"], key.column.name, self.kinds[name].nullable)


def _default(default: Any) -> Callable[[], Any]:
    return (lambda: default.arg) if default.is_scalar else (lambda: default.arg(None))
