"""The writing half of a query set: the constraints of the table decide, never a look beforehand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from . import loading, statements
from .chain import Build, Chain
from .compiled import DIALECT
from .errors import FieldError, UniqueViolation
from .expressions import operand
from .meta import Meta
from .scope import checker

M = TypeVar("M")
Given = Mapping[str, Any] | None

_ROWS_A_STATEMENT = 500
_TRIES = 3


class Writes(Chain[M]):
    """create, update, delete and the race-safe pairs."""

    async def create(self, **values: Any) -> M:
        """Inserts a row; the object as the database has it, defaults included."""
        (created,) = await self._inserted(self._complete(values), ())
        return created

    async def bulk_create(self, objects: Iterable[M], *, ignore_conflicts: bool = False) -> list[M]:
        """Inserts unsaved objects, 500 a statement, in their order; they get all their columns unless conflicts are ignored."""
        given = list(objects)
        for start in range(0, len(given), _ROWS_A_STATEMENT):
            await self._insert_many(given[start : start + _ROWS_A_STATEMENT], ignore_conflicts)
        return given

    async def get_or_create(self, defaults: Given = None, **lookups: Any) -> tuple[M, bool]:
        """The object with these values, made if there was none: (object, whether it was made)."""
        return await self._found_or_made(lookups, defaults or {}, {})

    async def update_or_create(
        self, defaults: Given = None, create_defaults: Given = None, **lookups: Any
    ) -> tuple[M, bool]:
        """The object with these values, changed by `defaults` or made: (object, whether it was made)."""
        made = defaults if create_defaults is None else create_defaults
        return await self._found_or_made(lookups, made or {}, defaults or {})

    async def update(self, **values: Any) -> int:
        """Changes every row of the set in one statement; how many there were."""
        self._unsliced("update")
        given = list(self._values)
        shapes = self._shapes(values, given)
        return await self._affected(statements.changed, self._question, shapes, False, values=given) if shapes else 0

    async def delete(self) -> int:
        """Deletes every row of the set in one statement; how many there were, without those the database cascades to."""
        if self._is_manager:
            raise TypeError(f"{self._name}.objects.delete() would delete every row: say .all().delete()")
        self._unsliced("delete from")
        self._whole("delete")
        if self._question.distinct:
            raise TypeError(f"{self._name}: cannot delete after distinct()")
        return await self._affected(statements.removed, self._question, values=self._values)

    async def _found_or_made(
        self, lookups: dict[str, Any], made: Mapping[str, Any], changes: Mapping[str, Any]
    ) -> tuple[M, bool]:
        exact = {path.removesuffix("__exact"): value for path, value in lookups.items()}
        exact = {path: value for path, value in exact.items() if "__" not in path}
        unique = self._unique(exact)
        values, changes = self._complete({**exact, **_called(made)}), _called(changes)
        for _ in range(_TRIES):
            if created := await self._inserted(values, unique):
                return created[0], True
            found: Any = self.filter(**lookups)
            if existing := await (found._changed(changes) if changes else found[:1]._fetch()):
                return existing[0], False
        raise UniqueViolation(f"another {self._name} has the same {', '.join(unique)}, but not {lookups!r}")

    async def _changed(self, values: dict[str, Any]) -> list[M]:
        given = list(self._values)
        shapes = self._shapes(values, given)
        return await self._rows(statements.changed, self._question, shapes, True, values=given)

    async def _inserted(self, values: dict[str, Any], unique: tuple[str, ...]) -> list[M]:
        given: list[Any] = []
        shapes = self._shapes(values, given)
        return await self._rows(statements.inserted, self._model, shapes, unique, values=given)

    async def _rows(self, build: Build, *key: Any, values: Sequence[Any]) -> list[Any]:
        plan = self._plan(build, *key)
        return plan.load(await self._connection.fetch_tuples(plan.sql, plan.params(values)))

    async def _affected(self, build: Build, *key: Any, values: Sequence[Any]) -> int:
        plan = self._plan(build, *key)
        return await self._connection.execute(plan.sql, plan.params(values))

    async def _insert_many(self, objects: list[M], ignore_conflicts: bool) -> None:
        model = self._model
        rows = [self._complete({k: v for k, v in vars(o).items() if k in model._meta.kinds}) for o in objects]
        names = model._meta.names
        checks = {name: checker(model._meta.kinds[name], f"{self._name}.{name}", nullable=True) for name in names}
        params: dict[str, Any] = {}
        lines = []
        for number, row in enumerate(rows):
            params.update({f"{name}_{number}": checks[name](row[name]) for name in names if name in row})
            lines.append("(" + ", ".join(f"%({n}_{number})s" if n in row else "DEFAULT" for n in names) + ")")
        quoted = DIALECT.identifier_preparer
        sql = f"INSERT INTO {quoted.format_table(model.table)} ({', '.join(map(quoted.quote, names))}) VALUES "  # noqa: S608
        sql += ", ".join(lines)
        if ignore_conflicts:
            await self._connection.execute(sql + " ON CONFLICT DO NOTHING", params)
            return
        sql += " RETURNING " + ", ".join(map(quoted.quote, names))
        made = loading.builder(model)(await self._connection.fetch_tuples(sql, params))
        for item, row in zip(objects, made, strict=True):
            vars(item).update(vars(row))

    def _complete(self, values: dict[str, Any]) -> dict[str, Any]:
        defaults = self._model._meta.defaults
        return {**{name: default() for name, default in defaults.items() if name not in values}, **values}

    def _shapes(self, values: dict[str, Any], given: list[Any]) -> statements.Shapes:
        meta, shapes = self._model._meta, []
        for name, value in values.items():
            meta.require(name)
            column = meta.column(name)
            if column is None:
                relation = meta.relation(name)
                if value is not None and not isinstance(value, relation.target):
                    raise FieldError(f"{self._name}.{name} takes a {relation.target.__name__}, not {value!r}")
                column, value = relation.column, value and getattr(value, relation.target_column)
            shapes.append((column, operand(value, given)))
        return tuple(shapes)

    def _unique(self, exact: dict[str, Any]) -> tuple[str, ...]:
        meta: Meta = self._model._meta
        given = {meta.column(n) or meta.relation(n).column for n, value in exact.items() if value is not None}
        for unique in meta.uniques():
            if set(unique) <= given:
                return unique
        raise FieldError(
            f"{self._name} has no unique constraint on {', '.join(exact) or 'nothing'}: two at once could both make a row"
        )


def _called(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value() if callable(value) else value for name, value in values.items()}
