"""Whole statements from shapes, and the plans that are kept: SQL text, parameters, and how rows are read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Select, bindparam, delete, func, literal_column, select, tuple_, update
from sqlalchemy.sql.elements import ClauseElement

from . import keyset, loading
from .compiled import compiled
from .errors import FieldError
from .expressions import Ordering, Shape
from .scope import Binder, Ref, Scope, checker


class Question(NamedTuple):
    """What a query set asks, without the values."""

    model: Any
    where: tuple[Any, ...] = ()
    order: tuple[Any, ...] = ()
    distinct: bool = False
    related: tuple[str, ...] = ()
    form: str = "object"
    fields: tuple[str, ...] = ()
    annotations: tuple[tuple[str, Shape], ...] = ()
    group: tuple[str, ...] | None = None
    lock: tuple[Any, ...] | None = None
    after: tuple[bool, ...] | None = None
    low: bool = False
    high: bool = False


class Sub(NamedTuple):
    """A query set inside another's `in`."""

    question: Question
    low: int
    high: int | None

    def select(self, binders: list[tuple[str, Binder]]) -> Select[Any]:
        """The inner SELECT, its parameters among the outer ones."""
        question = self.question
        if question.form == "object":
            question = question._replace(form="tuple", fields=question.model._meta.key)
        inner = selected(Scope(question.model, binders), question)
        return (inner if self.high is None else inner.limit(self.high - self.low)).offset(self.low or None)


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
    """The SELECT of a question; slices are the parameters `low` and `high`."""
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
    statement = statement.limit(bindparam("high")) if question.high else statement
    statement = statement.offset(bindparam("low")) if question.low else statement
    return _locked(scope, question, statement)


def objects(question: Question) -> Plan:
    """The plan that fetches objects, dicts or tuples."""
    scope = Scope(question.model)
    return plan(scope, selected(scope, question), loading.loader(scope, question))


def single(question: Question, nodes: tuple[Shape, ...]) -> Plan:
    """The plan for get(): two rows are enough to know that there is more than one."""
    where = (*question.where, *nodes)
    order = question.order if question.low or question.high else ()
    return objects(question._replace(where=where, order=order, high=True))


def counted(question: Question) -> Plan:
    """The plan for count()."""
    return plan(*_over(question, func.count()))


def existing(question: Question) -> Plan:
    """The plan for exists()."""
    scope, statement = _over(question, literal_column("1"))
    return plan(scope, statement.limit(1))


def aggregated(question: Question, shapes: tuple[tuple[str, Shape], ...]) -> Plan:
    """The plan for aggregate(): over the rows themselves, or over a subquery where they are grouped or sliced."""
    scope = Scope(question.model)
    outer = scope
    if _is_plain(question):
        where, _ = _filtered(scope, question)
    else:
        inner = selected(scope, question._replace(order=question.order if question.high or question.low else ()))
        outer, where = _Rows(question, inner.subquery(), scope.binders), []
    found = [outer.expression(shape) for _, shape in shapes]
    statement = select(*[ref.column for ref in found]).select_from(outer.source).where(*where)
    return plan(scope, statement, loading.values_loader(dict, [name for name, _ in shapes], found))


def updating(question: Question, values: tuple[tuple[str, Shape], ...]) -> tuple[Scope, Any]:
    """The UPDATE of the rows of a question."""
    scope = Scope(question.model)
    where = _targeted(scope, question)
    return scope, update(question.model.table).where(*where).values(assignments(scope, values))


def changed(question: Question, values: tuple[tuple[str, Shape], ...]) -> Plan:
    """The plan for update()."""
    return plan(*updating(question, values))


def removed(question: Question) -> Plan:
    """The plan for delete()."""
    scope = Scope(question.model)
    return plan(scope, delete(question.model.table).where(*_targeted(scope, question)))


def assignments(scope: Scope, values: tuple[tuple[str, Shape], ...]) -> dict[str, Any]:
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

    def __init__(self, question: Question, rows: Any, binders: list[tuple[str, Binder]]) -> None:
        super().__init__(question.model, binders)
        self.rows = rows

    @property
    def source(self) -> Any:
        return self.rows

    def plain(self, path: str) -> Ref:
        name = self.model._meta.column(path) or path
        if name not in self.rows.c:
            raise FieldError(f"{self.model.__name__}: {path!r} is not among what this query set selects")
        return Ref(self.rows.c[name], path, self.model._meta.kinds.get(name))


def _is_plain(question: Question) -> bool:
    return not (question.distinct or question.group is not None or question.low or question.high)


def _over(question: Question, column: Any) -> tuple[Scope, Select[Any]]:
    """The column over the rows of a question, which are a subquery where their number depends on more than WHERE."""
    scope = Scope(question.model)
    if _is_plain(question):
        where, _ = _filtered(scope, question)
        return scope, select(column).select_from(scope.source).where(*where)
    return scope, select(column).select_from(selected(scope, question._replace(lock=None)).subquery())


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
