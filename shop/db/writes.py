"""The writing half of a query set: the constraints of the table decide, never a look beforehand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from sqlalchemy.dialects.postgresql import insert

from . import loading, statements
from .chain import Chain
from .compiled import DIALECT
from .errors import FieldError, UniqueViolation
from .expressions import Shape, operand
from .meta import Meta
from .scope import Scope, checker

M = TypeVar("M")
Written = tuple[tuple[str, Shape], ...]

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

    async def get_or_create(self, defaults: Mapping[str, Any] | None = None, **lookups: Any) -> tuple[M, bool]:
        """The object with these values, made if there was none: (object, whether it was made)."""
        return await self._found_or_made(lookups, dict(defaults or {}), None)

    async def update_or_create(
        self,
        defaults: Mapping[str, Any] | None = None,
        create_defaults: Mapping[str, Any] | None = None,
        **lookups: Any,
    ) -> tuple[M, bool]:
        """The object with these values, changed by `defaults` or made: (object, whether it was made)."""
        changes = dict(defaults or {})
        return await self._found_or_made(
            lookups, changes if create_defaults is None else dict(create_defaults), changes
        )

    async def update(self, **values: Any) -> int:
        """Changes every row of the set in one statement; how many there were."""
        self._unsliced("update")
        given: list[Any] = []
        shapes = self._shapes(values, given)
        if not shapes:
            return 0
        plan = self._plan(statements.changed, self._question, shapes)
        return await self._connection.execute(plan.sql, plan.params((*self._values, *given)))

    async def delete(self) -> int:
        """Deletes every row of the set in one statement; how many there were, without those the database cascades to."""
        if self._is_manager:
            raise TypeError(f"{self._name}.objects.delete() would delete every row: say .all().delete()")
        self._unsliced("delete from")
        self._whole("delete")
        if self._question.distinct:
            raise TypeError(f"{self._name}: cannot delete after distinct()")
        plan = self._plan(statements.removed, self._question)
        return await self._connection.execute(plan.sql, plan.params(self._values))

    async def _found_or_made(
        self, lookups: dict[str, Any], made: dict[str, Any], changes: dict[str, Any] | None
    ) -> tuple[M, bool]:
        exact = {path.removesuffix("__exact"): value for path, value in lookups.items()}
        exact = {path: value for path, value in exact.items() if "__" not in path}
        unique = self._unique(exact)
        values = self._complete({**exact, **{name: _called(value) for name, value in made.items()}})
        for _ in range(_TRIES):
            if created := await self._inserted(values, unique):
                return created[0], True
            found: Any = self.filter(**lookups)
            if changes is None:
                existing = await found.first()
            else:
                existing = await self._changed(found, {name: _called(value) for name, value in changes.items()})
            if existing is not None:
                return existing, False
        raise UniqueViolation(f"another {self._name} has the same {', '.join(unique)}, but not {lookups!r}")

    async def _changed(self, found: Any, changes: dict[str, Any]) -> Any:
        given: list[Any] = []
        shapes = self._shapes(changes, given)
        if not shapes:
            return await found.first()
        plan = self._plan(_returning, found._question, shapes)
        rows = await self._connection.fetch_tuples(plan.sql, plan.params((*found._values, *given)))
        return plan.load(rows)[0] if rows else None

    async def _inserted(self, values: dict[str, Any], unique: tuple[str, ...]) -> list[M]:
        given: list[Any] = []
        shapes = self._shapes(values, given)
        plan = self._plan(_insertion, self._model, shapes, unique)
        return plan.load(await self._connection.fetch_tuples(plan.sql, plan.params(given)))

    async def _insert_many(self, objects: list[M], ignore_conflicts: bool) -> None:
        model = self._model
        rows = [self._complete({k: v for k, v in vars(o).items() if k in model._meta.kinds}) for o in objects]
        names = [name for name in model._meta.names if any(name in row for row in rows)] or [model._meta.names[0]]
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
        sql += " RETURNING " + ", ".join(map(quoted.quote, model._meta.names))
        made = loading.builder(model)(await self._connection.fetch_tuples(sql, params))
        for item, row in zip(objects, made, strict=True):
            vars(item).update(vars(row))

    def _complete(self, values: dict[str, Any]) -> dict[str, Any]:
        defaults = self._model._meta.defaults
        return {**{name: default() for name, default in defaults.items() if name not in values}, **values}

    def _shapes(self, values: dict[str, Any], given: list[Any]) -> Written:
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


def _insertion(model: Any, shapes: Written, unique: tuple[str, ...]) -> statements.Plan:
    if any(shape[0] in ("F", "op", "agg") for _, shape in shapes):
        raise FieldError(f"a new {model.__name__} has no columns yet that an expression could read")
    scope = Scope(model)
    statement = insert(model.table).values(statements.assignments(scope, shapes))
    if unique:
        statement = statement.on_conflict_do_nothing(index_elements=unique)
    return statements.plan(scope, statement.returning(*model.table.columns), loading.builder(model))


def _returning(question: statements.Question, shapes: Written) -> statements.Plan:
    scope, statement = statements.updating(question, shapes)
    returning = statement.returning(*question.model.table.columns)
    return statements.plan(scope, returning, loading.builder(question.model))


def _called(value: Any) -> Any:
    return value() if callable(value) else value
