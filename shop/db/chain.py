"""The half of a query set that only describes: each step is a new set and asks nothing yet."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, cast

from sqlalchemy.sql.elements import ClauseElement

from .errors import FieldError
from .expressions import Aggregate, Expression, F, Ordering, Q, Raw, condition, flattened, is_aggregate, leaf, operand
from .statements import Plan, Question

if TYPE_CHECKING:
    from .engine import Connection
    from .query import QuerySet

M = TypeVar("M")
Build = Callable[..., Plan]


class Chain(Generic[M]):
    """A question about one table, on one connection."""

    # What a clone sets lies on it; what nothing was said about stays here.
    _model: Any = None
    _question = Question(None)
    _conn: Connection | None = None
    _is_manager = False
    _prefetched: tuple[str, ...] = ()
    _noted: tuple[Any, ...] = ()  # values of annotations
    _given: tuple[Any, ...] = ()  # values of conditions
    _past: tuple[Any, ...] = ()  # values of `after`
    _bounds: tuple[int, int | None] = (0, None)  # of the slice
    _limits: tuple[int, ...] = ()  # the same as the values of LIMIT and OFFSET

    def using(self, conn: Connection) -> Self:
        """The same question on this connection."""
        return self._clone(_conn=conn, _is_manager=self._is_manager)

    def all(self) -> Self:
        """The same question; for `.all().delete()`, which says that every row is meant."""
        return self._clone()

    def filter(self, *conditions: Q, **lookups: Any) -> Self:
        """Only rows that meet every condition."""
        return self._narrowed(conditions, lookups)

    def exclude(self, *conditions: Q, **lookups: Any) -> Self:
        """Without the rows that meet all conditions together; a NULL meets none, so its row stays."""
        return self._narrowed((~Q(*conditions, **lookups),), {})

    def where(self, *clauses: ClauseElement | Any) -> Self:
        """Only rows that meet SQLAlchemy conditions on `Model.c`."""
        self._unsliced("filter")
        return self._asking(where=(*self._question.where, *[(Raw(clause),) for clause in clauses]))

    def order_by(self, *names: str | Ordering | F | ClauseElement) -> Self:
        """In this order instead of any before: "price", "-price", "category__name", F("price").desc(nulls_last=True)."""
        self._unsliced("reorder")
        return self._asking(order=tuple([_ordering(name) for name in names]))

    def reverse(self) -> Self:
        """The opposite order."""
        self._unsliced("reverse")
        if not all(isinstance(order, Ordering) for order in self._question.order):
            raise TypeError(f"{self._name}: an order in SQLAlchemy's terms cannot be reversed")
        return self._asking(order=tuple(order.reversed() for order in self._question.order))

    def distinct(self) -> Self:
        """Equal rows once."""
        self._unsliced("make distinct")
        return self._asking(distinct=True)

    def select_related(self, *names: str) -> Self:
        """Loads to-one relations in the same query."""
        self._whole("select_related")
        return self._asking(related=(*self._question.related, *names))

    def prefetch_related(self, *names: str) -> Self:
        """Loads relations, to-many ones too, with one more query each."""
        self._whole("prefetch_related")
        return self._clone(_prefetched=(*self._prefetched, *names))

    def select_for_update(
        self, *, skip_locked: bool = False, nowait: bool = False, of: Sequence[str] = (), no_key: bool = False
    ) -> Self:
        """Locks the rows until the transaction ends, in primary-key order unless order_by says another."""
        if skip_locked and nowait:
            raise ValueError("select_for_update either skips locked rows or refuses to wait for them")
        return self._asking(lock=(skip_locked, nowait, tuple(of), no_key))

    def annotate(self, *aggregates: Aggregate, **expressions: Expression) -> Self:
        """Adds computed values: to each object, or, after values(), to each group of equal values."""
        question, values, shapes = self._question, list(self._noted), list(self._question.annotations)
        for name, expression in {**{a.default_name: a for a in aggregates}, **expressions}.items():
            if question.model._meta.has(name):
                raise ValueError(f"{self._name} has a field {name!r} already")
            shapes.append((name, operand(expression, values)))
        added = tuple(name for name, _ in shapes[len(question.annotations) :])
        group = question.group
        if group is None and any(is_aggregate(shape) for _, shape in shapes):
            group = question.model._meta.key if question.form == "object" else question.fields
        fields = question.fields if question.form == "object" else question.fields + added
        return self._asking(annotations=tuple(shapes), group=group, fields=fields)._clone(_noted=tuple(values))

    def values(self, *fields: str) -> QuerySet[dict[str, Any]]:
        """Dicts of these fields (or all) instead of objects; what annotate() then counts is grouped by them."""
        return self._formed("dict", fields)

    def values_list(self, *fields: str, flat: bool = False) -> QuerySet[Any]:
        """Tuples instead of objects; with `flat`, the values of the one field."""
        if flat and len(fields) != 1:
            raise TypeError(f"{self._name}: values_list(flat=True) takes one field")
        return self._formed("flat" if flat else "tuple", fields)

    def as_subquery(self, values: list[Any]) -> tuple[str, Question]:
        """This set as the list of an `in`."""
        values += self._values
        return ("query", self._question)

    def bound_to(self, model: type) -> Self:
        """The manager of a model."""
        return self._asking(model=model)._clone(_model=model, _is_manager=True)

    @property
    def _name(self) -> str:
        return str(self._model.__name__)

    @property
    def _values(self) -> tuple[Any, ...]:
        return self._noted + self._given + self._past + self._limits

    def _clone(self, **state: Any) -> Self:
        clone = object.__new__(type(self))
        clone.__dict__ = {**self.__dict__, "_is_manager": False, **state}
        return clone

    def _asking(self, **changes: Any) -> Self:
        return self._clone(_question=self._question._replace(**changes))

    def _narrowed(self, conditions: Sequence[Q], lookups: Mapping[str, Any]) -> Self:
        nodes, values = self._nodes(conditions, lookups)
        return self._asking(where=self._question.where + nodes)._clone(_given=self._given + values)

    def _nodes(self, conditions: Sequence[Q], lookups: Mapping[str, Any]) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        self._unsliced("filter")
        values: list[Any] = []
        nodes = [node for q in conditions for node in flattened(condition(q, values))] if conditions else []
        nodes += [leaf(path, value, values) for path, value in lookups.items()]
        return tuple(nodes), tuple(values)

    def _formed(self, form: str, fields: tuple[str, ...]) -> QuerySet[Any]:
        question = self._question
        every = (*question.model._meta.names, *(name for name, _ in question.annotations))
        return cast("QuerySet[Any]", self._asking(form=form, fields=fields or every, related=())._clone(_prefetched=()))

    def _sliced(self, low: int, high: int | None) -> Self:
        limits = (() if high is None else (high - low,)) + ((low,) if low else ())
        return self._asking(low=low > 0, high=high is not None)._clone(_bounds=(low, high), _limits=limits)

    def _unsliced(self, verb: str) -> None:
        if self._limits:
            raise TypeError(f"{self._name}: cannot {verb} a query once a slice has been taken")

    def _whole(self, method: str) -> None:
        if self._question.form != "object":
            raise TypeError(f"{self._name}: {method}() loads objects, so it cannot follow values()")

    def _plan(self, build: Build, *key: Any) -> Plan:
        try:
            return _kept(build, *key)
        except FieldError:
            raise
        except TypeError:
            return build(*key)  # a SQLAlchemy element is part of it

    @property
    def _connection(self) -> Connection:
        if self._conn is None:
            raise RuntimeError(f"{self._name}.objects needs a connection: say .using(conn)")
        return self._conn


@lru_cache(maxsize=2000)
def _kept(build: Build, *key: Any) -> Plan:
    # Values are no part of a shape and lists are one parameter, so the program's code bounds the number.
    return build(*key)


@lru_cache(maxsize=1000)
def _named(name: str) -> Ordering:
    if name.strip("-?") == "":
        raise FieldError(f"order_by takes column names, not {name!r}")
    return Ordering(name.removeprefix("-"), name.startswith("-"))


def _ordering(item: Any) -> Any:
    if isinstance(item, str):
        return _named(item)
    if isinstance(item, F):
        return Ordering(item.name)
    return item if isinstance(item, Ordering) else Raw(item)
