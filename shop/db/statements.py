"""Whole statements from shapes, and the plans that are kept: SQL text, parameters, and how rows are read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Select, Update, delete, literal_column, select, tuple_, update
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.sql.elements import ClauseElement

from . import keyset, loading
from .compiled import compiled
from .errors import FieldError
from .expressions import Ordering, Shape
from .scope import Binder, Ref, Scope, checker

Shapes = tuple[tuple[str, Shape], ...]


class Question(NamedTuple):
    """What a query set asks, without the values."""

    model: Any
    where: tuple[Any, ...] = ()
    order: tuple[Any, ...] = ()
    distinct: bool = False
    related: tuple[str, ...] = ()
    form: str = "object"
    fields: tuple[str, ...] = ()
    annotations: Shapes = ()
    group: tuple[str, ...] | None = None
    lock: tuple[Any, ...] | None = None
    after: tuple[bool, ...] | None = None
    low: bool = False
    high: bool = False

    def select(self, binders: list[tuple[str, Binder]]) -> Select[Any]:
        """The SELECT inside another question's `in`, its parameters among the outer ones."""
        question = self
        if self.form == "object":
            question = self._replace(form="tuple", fields=self.model._meta.key)
        return selected(Scope(self.model, binders), question)


class Plan(NamedTuple):
    """SQL ready for the driver, its parameters in the order of the values, and what makes objects of the rows."""

    sql: str
    binders: tuple[tuple[str, Binder], ...]
    constants: dict[str, Any]
    load: Callable[[list[tuple[Any, ...]]], list[Any]]

    def params(self, values: Sequence[Any]) -> dict[str, Any]:
        """The driver's parameters; FieldError for a value of the wrong type."""
        given = {name: check(value) for (name, check), value in zip(self.binders, values, strict=True)}
        return {**self.constants, **given} if self.constants else given


def plan(scope: Scope, statement: ClauseElement, load: Callable[..., Any] = list) -> Plan:
    """The statement compiled."""
    sql, params = compiled(statement, partial=True)
    own = {name for name, _ in scope.binders}
    constants = {name: value for name, value in params.items() if name not in own}
    return Plan(sql, tuple(scope.binders), constants, load)


def selected(scope: Scope, question: Question) -> Select[Any]:
    """The SELECT of a question."""
    where, having = _filtered(scope, question)
    columns = _columns(scope, question)
    orders = [_ordered(scope, order) for order in _order(question)]
    if question.distinct:
        # PostgreSQL orders distinct rows only by what is selected; rows then differ by it too, as in Django.
        columns += [column for _, column in orders if column is not None and all(column is not c for c in columns)]
    if question.after is not None:
        where.append(keyset.beyond(scope, _order(question), question.after))
    statement = select(*columns)
    if question.group is not None:
        statement = statement.group_by(*_grouped(scope, question, orders)).having(*having)
    statement = statement.where(*where).order_by(*[clause for clause, _ in orders]).select_from(scope.source)
    statement = statement.distinct() if question.distinct else statement
    statement = statement.limit(scope.bind(int)) if question.high else statement
    statement = statement.offset(scope.bind(int)) if question.low else statement
    return _locked(scope, question, statement)


def objects(question: Question) -> Plan:
    """The plan that fetches objects, dicts or tuples."""
    scope = Scope(question.model)
    return plan(scope, selected(scope, question), loading.loader(scope, question))


def single(question: Question, nodes: tuple[Shape, ...]) -> Plan:
    """The plan for get(): two rows are enough to know that there is more than one."""
    return objects(question._replace(where=question.where + nodes, order=(), high=True))


def existing(question: Question) -> Plan:
    """The plan for exists()."""
    scope, where = _over(question)
    return plan(scope, select(literal_column("1")).select_from(scope.source).where(*where).limit(1))


def aggregated(question: Question, shapes: Shapes) -> Plan:
    """The plan for aggregate()."""
    scope, where = _over(question)
    found = [scope.expression(shape) for _, shape in shapes]
    statement = select(*[ref.column for ref in found]).select_from(scope.source).where(*where)
    return plan(scope, statement, loading.values_loader(dict, [name for name, _ in shapes], found))


def changed(question: Question, values: Shapes, returning: bool) -> Plan:
    """The plan for update(), or for one that gives back the objects."""
    scope = Scope(question.model)
    where = _targeted(scope, question)
    statement = update(question.model.table).where(*where).values(assignments(scope, values))
    return objects_of(scope, statement) if returning else plan(scope, statement)


def inserted(model: Any, values: Shapes, unique: tuple[str, ...]) -> Plan:
    """The plan for create(); a row that has the same `unique` columns as another is not made."""
    if any(shape[0] in ("F", "op", "agg") for _, shape in values):
        raise FieldError(f"a new {model.__name__} has no columns yet that an expression could read")
    scope = Scope(model)
    statement = insert(model.table).values(assignments(scope, values))
    return objects_of(scope, statement.on_conflict_do_nothing(index_elements=unique) if unique else statement)


def objects_of(scope: Scope, statement: Insert | Update) -> Plan:
    """The plan of a statement that gives back the objects it wrote."""
    return plan(scope, statement.returning(*scope.model.table.columns), loading.builder(scope.model))


def removed(question: Question) -> Plan:
    """The plan for delete()."""
    scope = Scope(question.model)
    return plan(scope, delete(question.model.table).where(*_targeted(scope, question)))


def assignments(scope: Scope, values: Shapes) -> dict[str, Any]:
    """What is written to each column; a column of another table is a FieldError."""
    joined, written = len(scope.joins), {}
    for name, shape in values:
        label, kind = f"{scope.model.__name__}.{name}", scope.model._meta.kinds[name]
        if shape == ("value",):
            written[name] = scope.bind(checker(kind, label, nullable=True), kind.sql_type)
        else:
            ref = scope.expression(shape)
            written[name] = ref.column
            if ref.aggregate or len(scope.joins) > joined:
                raise FieldError(f"{label} can be written only from columns of its own row")
    return written


class _Rows(Scope):
    """The rows of a subquery, seen by the names of its columns."""

    def plain(self, path: str) -> Ref:
        name = self.model._meta.column(path) or path
        if name not in self.base.c:
            raise FieldError(f"{self.model.__name__}: {path!r} is not among what this query set selects")
        return Ref(self.base.c[name], path, self.model._meta.kinds.get(name))


def _over(question: Question) -> tuple[Scope, list[Any]]:
    """The rows of a question and their WHERE: a subquery where their number depends on more than that."""
    scope = Scope(question.model)
    is_cut = question.distinct or question.low or question.high
    if not is_cut and question.group is None:
        return scope, _filtered(scope, question)[0]
    inner = selected(scope, question._replace(lock=None, order=question.order if is_cut else ()))
    return _Rows(question.model, scope.binders, inner.subquery()), []


def _filtered(scope: Scope, question: Question) -> tuple[list[Any], list[Any]]:
    for name, shape in question.annotations:
        scope.names[name] = scope.expression(shape)._replace(label=f"{question.model.__name__}.{name}")
    where: list[Any] = []
    having: list[Any] = []
    scope.grouping = []
    for node in question.where:
        scope.touched = []
        clause = scope.condition(node)
        if any(ref.aggregate for ref in scope.touched):
            having.append(clause)
            scope.grouping += [ref.column for ref in scope.touched if not ref.aggregate]
        else:
            where.append(clause)
    return where, having


def _columns(scope: Scope, question: Question) -> list[Any]:
    if question.form != "object":
        return [scope.plain(name).column.label(name) for name in question.fields]
    columns: list[Any] = list(question.model.table.columns)
    for path in loading.related_paths(question.related):
        columns += scope.table(path)[0].columns
    return columns + [scope.names[name].column.label(name) for name, _ in question.annotations]


def _order(question: Question) -> tuple[Any, ...]:
    if question.order or question.lock is None:
        return question.order
    # Two who lock the same rows in the same order wait for each other; in different orders they deadlock.
    return tuple(Ordering(name) for name in question.model._meta.key)


def _ordered(scope: Scope, order: Any) -> tuple[Any, Any]:
    """The ORDER BY clause, and the column to group by if need be."""
    if not isinstance(order, Ordering):
        return order.clause, None
    ref = scope.plain(order.name)
    clause = ref.column.desc() if order.descending else ref.column
    if order.nulls:
        clause = clause.nulls_first() if order.nulls == "first" else clause.nulls_last()
    return clause, None if ref.aggregate else ref.column


def _grouped(scope: Scope, question: Question, orders: list[tuple[Any, Any]]) -> list[Any]:
    columns = [ref.column for name in question.group or () if not (ref := scope.plain(name)).aggregate]
    if question.form == "object":
        columns += [alias.c[name] for alias, _, _, model in scope.joins.values() for name in model._meta.key]
    columns += [column for _, column in orders if column is not None] + scope.grouping
    columns += [ref.column for ref in scope.names.values() if not ref.aggregate]
    return list({id(column): column for column in columns}.values())


def _locked(scope: Scope, question: Question, statement: Select[Any]) -> Select[Any]:
    if question.lock is None:
        return statement
    skip_locked, nowait, of, no_key = question.lock
    tables = [scope.table(() if name == "self" else name.split("__"))[0] for name in of]
    return statement.with_for_update(skip_locked=skip_locked, nowait=nowait, of=tables or None, key_share=no_key)


def _targeted(scope: Scope, question: Question) -> list[Any]:
    where, having = _filtered(scope, question)
    if not scope.joins and not having:
        return where
    key = [question.model.table.c[name] for name in question.model._meta.key]
    inner = select(*key).select_from(scope.source).where(*where)
    inner = inner.group_by(*key, *scope.grouping).having(*having) if having else inner
    return [tuple_(*key).in_(inner)]
