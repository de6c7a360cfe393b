"""From shapes to SQLAlchemy: paths become columns and joins, values become named parameters with a check each."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, NamedTuple

from psycopg2.extras import Json
from sqlalchemy import JSON, and_, bindparam, cast, func, literal_column, not_, or_
from sqlalchemy.sql.elements import ColumnElement

from .columns import Kind, kind_of
from .errors import FieldError
from .expressions import Shape

Binder = Callable[[Any], Any]

_COMPARE = {"exact": operator.eq, "lt": operator.lt, "lte": operator.le, "gt": operator.gt, "gte": operator.ge}
# LIKE patterns; iexact is ILIKE without a wildcard.
_PATTERNS = {"iexact": "{}", "contains": "%{}%", "icontains": "%{}%", "startswith": "{}%", "endswith": "%{}"}
LOOKUPS = (*_COMPARE, *_PATTERNS, "in", "range", "isnull")


class Ref(NamedTuple):
    """A column or expression, what its values are, and how to name it in an error."""

    column: Any
    label: str
    kind: Kind | None = None
    nullable: bool = True
    lookup: str = "exact"
    target: Any = None
    aggregate: bool = False


class Scope:
    """One statement being built: its table, the joins it needs, its named annotations and its parameters in order."""

    def __init__(self, model: Any, binders: list[tuple[str, Binder]] | None = None, base: Any = None) -> None:
        self.model = model
        self.base = model.table if base is None else base
        self.joins: dict[tuple[str, ...], tuple[Any, Any, bool, Any]] = {}
        self.names: dict[str, Ref] = {}
        self.touched: list[Ref] = []
        self.grouping: list[Any] = []
        self.binders: list[tuple[str, Binder]] = [] if binders is None else binders

    @property
    def source(self) -> Any:
        """The table with the joins that paths asked for."""
        joined = self.base
        for alias, on, outer, _ in self.joins.values():
            joined = joined.join(alias, on, isouter=outer)
        return joined

    def table(self, path: Iterable[str] = ()) -> tuple[Any, Any, bool]:
        """The (joined) table behind to-one relations, its model, and whether its row may be missing."""
        walked: tuple[str, ...] = ()
        model, table, outer = self.model, self.model.table, False
        for name in path:
            relation = model._meta.relation(name)
            walked = (*walked, name)
            outer = outer or relation.nullable
            if walked not in self.joins:
                alias = relation.target.table.alias()
                on = table.c[relation.column] == alias.c[relation.target_column]
                self.joins[walked] = alias, on, outer, relation.target
            model, table = relation.target, self.joins[walked][0]
        return table, model, outer

    def resolve(self, path: str) -> Ref:
        """The column a path like `category__slug__icontains` leads to, and its lookup."""
        parts = path.split("__")
        if parts[0] in self.names:
            found, rest = self.names[parts[0]], parts[1:]
        else:
            found, rest = self._column(parts)
        lookup = rest[0] if rest else "exact"
        if len(rest) > 1 or lookup not in LOOKUPS:
            raise FieldError(f"{found.label} has no lookup {'__'.join(rest)!r}; there are: {', '.join(LOOKUPS)}")
        found = found._replace(lookup=lookup)
        self.touched.append(found)
        return found

    def plain(self, path: str) -> Ref:
        """`resolve` where a lookup makes no sense."""
        found = self.resolve(path)
        if found.lookup != "exact" or path.endswith("__exact"):
            raise FieldError(f"{found.label}: a lookup ({found.lookup}) has no place in {path!r} here")
        return found

    def _column(self, parts: list[str]) -> tuple[Ref, list[str]]:
        model, walked = self.model, 0
        while True:
            name, target, rest = model._meta.column(parts[walked]), None, parts[walked + 1 :]
            if name is None:
                relation = model._meta.relation(parts[walked])
                target = relation.target
                is_key = bool(rest) and target._meta.column(rest[0]) == relation.target_column
                if is_key or not rest or (rest[0] in LOOKUPS and not target._meta.has(rest[0])):
                    name, rest = relation.column, rest[is_key:]  # the foreign key says it already: no join
            if name is not None:
                table, _, outer = self.table(parts[:walked])
                label, kind = f"{model.__name__}.{parts[walked]}", model._meta.kinds[name]
                return Ref(table.c[name], label, kind, outer or kind.nullable, target=target), rest
            model, walked = target, walked + 1

    def bind(self, check: Binder, sql_type: Any = None) -> Any:
        """The next parameter."""
        name = f"p{len(self.binders)}"
        self.binders.append((name, check))
        return bindparam(name, type_=sql_type)

    def condition(self, node: Shape, odd: bool = False) -> ColumnElement[bool]:
        """A WHERE clause; `odd` under an odd number of negations, where NULL means "not so" as in Python."""
        if len(node) == 1:
            return node[0].clause  # type: ignore[no-any-return]
        if len(node) == 2:
            return self._lookup(node, odd)  # type: ignore[no-any-return]
        connector, negated, children = node
        clauses = [self.condition(child, odd ^ negated) for child in children]
        joined = and_(*clauses) if connector == "AND" else or_(*clauses)
        return not_(joined.self_group()) if negated else joined

    def _lookup(self, node: Shape, odd: bool) -> Any:
        path, what = node
        ref = self.resolve(path)
        if what == "null":
            if ref.lookup not in ("exact", "iexact"):
                raise FieldError(f"{ref.label}: {ref.lookup} takes no None; say {ref.label.split('.')[-1]}__isnull")
            return ref.column.is_(None)
        if what[0] == "isnull":
            return ref.column.is_(None) if what[1] else ref.column.is_not(None)
        other = self.expression(what) if what[0] in ("F", "op", "now", "raw", "agg") else None
        clause = self._compared(ref, what, other)
        if odd:
            nullable = [side.column for side in (ref, other) if side is not None and side.nullable]
            return and_(clause, *[column.is_not(None) for column in nullable])
        return clause

    def _compared(self, ref: Ref, what: Any, other: Ref | None) -> Any:
        if ref.lookup in _PATTERNS:
            return self._pattern(ref, what)
        if ref.lookup == "range":
            return ref.column.between(self.value(ref), self.value(ref))
        if ref.lookup == "in":
            return self._in(ref, what)
        if isinstance(what, tuple) and what[0] == "object" and not (ref.target and issubclass(what[1], ref.target)):
            raise FieldError(f"{ref.label} is not compared with a {what[1].__name__}")
        return _COMPARE[ref.lookup](ref.column, self.value(ref) if other is None else other.column)

    def _pattern(self, ref: Ref, what: Any) -> Any:
        if what != "value" or ref.kind is None or not issubclass(ref.kind.python, str):
            raise FieldError(f"{ref.label}: {ref.lookup} compares text with a text")
        pattern = self.bind(_like(ref.label, _PATTERNS[ref.lookup]))
        return ref.column.ilike(pattern) if ref.lookup.startswith("i") else ref.column.like(pattern)

    def _in(self, ref: Ref, what: Any) -> Any:
        if isinstance(what, tuple) and what[0] == "query":
            return ref.column.in_(what[1].select(self.binders))
        if what != "list":
            raise FieldError(f"{ref.label}: in takes a list or a query set")
        check = checker(ref.kind, ref.label)
        # One array, whatever its length: one shape, and an empty list matches nothing. `op`, because NOT must stay
        # outside: `x <> ANY (…)` would be something else.
        several = self.bind(lambda values: [check(value) for value in values if value is not None])
        return ref.column.op("=", is_comparison=True)(func.any(several))

    def value(self, ref: Ref) -> Any:
        """The next parameter, a value of this column."""
        return self.bind(checker(ref.kind, ref.label), ref.kind and ref.kind.sql_type)

    def expression(self, shape: Shape) -> Ref:
        """What an F, a Combined, an aggregate or a value stands for."""
        match shape:
            case ("F", name):
                return self.plain(name)
            case ("value",):
                return Ref(self.bind(lambda value: value), "value", nullable=False)
            case ("now",):
                return Ref(func.now(), "Now", kind_of(datetime, "Now"), nullable=False)
            case ("raw", raw):
                return Ref(raw.clause, "expression", nullable=False)
            case ("op", sign, left, right):
                sides = self.expression(left), self.expression(right)
                known = sides[0] if sides[0].kind else sides[1]
                column = sides[0].column.self_group().op(sign)(sides[1].column.self_group())
                return known._replace(column=column.self_group(), label="expression", nullable=False)
        return self._aggregate(*shape[1:])

    def _aggregate(self, function: str, of: Shape, distinct: bool, only: Shape | None) -> Ref:
        inner = Ref(literal_column("*"), function) if of == ("F", "*") else self.expression(of)
        call = getattr(func, function)(inner.column.distinct() if distinct else inner.column)
        call = call if only is None else call.filter(self.condition(only))
        if function == "count":
            return Ref(call, function, kind_of(int, function), nullable=False, aggregate=True)
        kind = inner.kind
        if kind is not None and kind.python is int and function in ("sum", "avg"):
            # PostgreSQL answers numeric; a sum of whole numbers is one, a mean a float, as everywhere in Python.
            kind = kind_of(int if function == "sum" else float, function)
            call = cast(call, kind.sql_type)
        return Ref(call, function, kind, aggregate=True)


def checker(kind: Kind | None, label: str, *, nullable: bool = False) -> Binder:
    """A function that hands a value of the column's type to the driver, and refuses any other by name."""
    if kind is None:
        return lambda value: value
    python, is_json, is_enum = kind.python, isinstance(kind.sql_type, JSON), kind.enum is not None

    def check(value: Any) -> Any:
        if type(value) is not python:
            if value is None and nullable:
                return None
            if not kind.accepts(value):
                raise FieldError(f"{label} takes {python.__name__}, not {value!r} ({type(value).__name__})")
        return Json(value) if is_json else str(value) if is_enum else value

    return check


def _like(label: str, pattern: str) -> Binder:
    check, escapes = checker(kind_of(str, label), label), str.maketrans({sign: f"\\{sign}" for sign in "\\%_"})
    return lambda value: pattern.format(check(value).translate(escapes))
