"""The half of a query set that only describes: each step is a new set and asks nothing yet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, cast

from sqlalchemy.sql.elements import ClauseElement

from .errors import FieldError
from .expressions import Aggregate, Expression, F, Ordering, Q, Raw, condition, flattened, is_aggregate, leaf, operand
from .statements import Plan, Question, Sub

if TYPE_CHECKING:
    from .engine import Connection
    from .query import QuerySet

M = TypeVar("M")

# SQL by shape. Values are no part of a shape and lists are one parameter, so the program's code bounds the number.
_PLANS: dict[Any, Plan] = {}
_MOST_PLANS = 2000


class Chain(Generic[M]):
    """A question about one table, on one connection."""

    _is_manager = False

    def __init__(self) -> None:
        self._parts: dict[str, Any] = Question(None)._asdict()
        self._conn: Connection | None = None
        self._prefetched: tuple[str, ...] = ()
        self._noted: tuple[Any, ...] = ()  # values of annotations
        self._given: tuple[Any, ...] = ()  # values of conditions
        self._past: tuple[Any, ...] = ()  # values of `after`
        self._low = 0
        self._high: int | None = None

    def using(self, conn: Connection) -> Self:
        """The same question on this connection."""
        clone = object.__new__(type(self))
        clone.__dict__ = {**self.__dict__, "_conn": conn}
        return clone

    def all(self) -> Self:
        """The same question; for `.all().delete()`, which says that every row is meant."""
        return self._clone()

    def filter(self, *conditions: Q, **lookups: Any) -> Self:
        """Only rows that meet every condition."""
        self._unsliced("filter")
        values: list[Any] = []
        nodes = [part for q in conditions for part in flattened(condition(q, values))] if conditions else []
        nodes += [leaf(path, value, values) for path, value in lookups.items()]
        return self._narrowed(nodes, values)

    def exclude(self, *conditions: Q, **lookups: Any) -> Self:
        """Without the rows that meet all conditions together; a NULL meets none, so its row stays."""
        self._unsliced("filter")
        values: list[Any] = []
        return self._narrowed(flattened(condition(~Q(*conditions, **lookups), values)), values)

    def where(self, *clauses: ClauseElement | Any) -> Self:
        """Only rows that meet SQLAlchemy conditions on `Model.c`."""
        self._unsliced("filter")
        return self._narrowed([(Raw(clause),) for clause in clauses], [])

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
        clone = self._clone()
        clone._prefetched = (*self._prefetched, *names)
        return clone

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
        clone = self._asking(annotations=tuple(shapes), group=group, fields=fields)
        clone._noted = tuple(values)
        return clone

    def values(self, *fields: str) -> QuerySet[dict[str, Any]]:
        """Dicts of these fields (or all) instead of objects; what annotate() then counts is grouped by them."""
        return self._formed("dict", fields)

    def values_list(self, *fields: str, flat: bool = False) -> QuerySet[Any]:
        """Tuples instead of objects; with `flat`, the values of the one field."""
        if flat and len(fields) != 1:
            raise TypeError(f"{self._name}: values_list(flat=True) takes one field")
        return self._formed("flat" if flat else "tuple", fields)

    def as_subquery(self, values: list[Any]) -> tuple[str, Sub]:
        """This set as the list of an `in`."""
        values += (*self._noted, *self._given, *self._past)
        return ("query", Sub(self._question._replace(low=False, high=False), self._low, self._high))

    def bound_to(self, model: type) -> Self:
        """The manager of a model."""
        clone = self._asking(model=model)
        clone._is_manager = True
        return clone

    @property
    def _question(self) -> Question:
        return Question._make(self._parts.values())

    @property
    def _model(self) -> Any:
        return self._parts["model"]

    @property
    def _name(self) -> str:
        return str(self._model.__name__)

    @property
    def _values(self) -> tuple[Any, ...]:
        return self._noted + self._given + self._past

    def _clone(self) -> Self:
        clone = object.__new__(type(self))
        clone.__dict__ = {**self.__dict__, "_is_manager": False}
        return clone

    def _asking(self, **changes: Any) -> Self:
        clone = object.__new__(type(self))
        clone.__dict__ = {**self.__dict__, "_is_manager": False, "_parts": {**self._parts, **changes}}
        return clone

    def _narrowed(self, nodes: list[Any], values: list[Any]) -> Self:
        clone = self._asking(where=(*self._parts["where"], *nodes))
        clone._given = (*self._given, *values)
        return clone

    def _formed(self, form: str, fields: tuple[str, ...]) -> QuerySet[Any]:
        question = self._question
        every = (*question.model._meta.names, *(name for name, _ in question.annotations))
        clone: Any = self._asking(form=form, fields=fields or every, related=())
        clone._prefetched = ()
        return cast("QuerySet[Any]", clone)

    def _sliced(self, low: int, high: int | None) -> Self:
        clone = self._asking(low=low > 0, high=high is not None)
        clone._low, clone._high = low, high
        return clone

    def _unsliced(self, verb: str) -> None:
        if self._parts["low"] or self._parts["high"]:
            raise TypeError(f"{self._name}: cannot {verb} a query once a slice has been taken")

    def _whole(self, method: str) -> None:
        if self._parts["form"] != "object":
            raise TypeError(f"{self._name}: {method}() loads objects, so it cannot follow values()")

    def _plan(self, build: Callable[..., Plan], *key: Any) -> Plan:
        try:
            known = _PLANS.get((build, *key))
        except TypeError:
            return build(*key)  # a SQLAlchemy element is part of it
        if known is None:
            if len(_PLANS) >= _MOST_PLANS:
                _PLANS.clear()
            known = _PLANS[(build, *key)] = build(*key)
        return known

    @property
    def _connection(self) -> Connection:
        if self._conn is None:
            raise RuntimeError(f"{self._name}.objects needs a connection: say .using(conn)")
        return self._conn


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
