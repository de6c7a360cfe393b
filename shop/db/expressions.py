"""What a query set is told: conditions (Q), other columns (F), the server's clock (Now), aggregates (Sum, Count …).

Everything given becomes a *shape*, nested tuples without the values, and a flat list of values. The shape is both the
key under which the SQL is kept and the tree from which it is built, so a known shape costs no SQLAlchemy object.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy.sql.elements import ClauseElement

from .errors import FieldError

Shape = tuple[Any, ...]
_LISTS = (list, tuple, set, frozenset, range)
_PLAIN = frozenset({str, int, bool, float, Decimal, datetime, date, UUID})  # looked at first, being the most


class Raw:
    """A SQLAlchemy element inside a shape; having no hash, it keeps the shape out of the cache."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, clause: Any) -> None:
        self.clause = clause


def _operator(sign: str) -> tuple[Callable[[Any, Any], Combined], Callable[[Any, Any], Combined]]:
    """The methods for an expression on the left and for one on the right."""
    return (lambda left, right: Combined(sign, left, right)), (lambda right, left: Combined(sign, left, right))


class Expression:
    """Something whose value the database works out."""

    def shape(self, values: list[Any]) -> Shape:
        """The shape, with its values appended."""
        raise NotImplementedError

    __add__, __radd__ = _operator("+")
    __sub__, __rsub__ = _operator("-")
    __mul__, __rmul__ = _operator("*")
    __truediv__, __rtruediv__ = _operator("/")
    __mod__, __rmod__ = _operator("%")


class Combined(Expression):
    """Two values and an operator between them; PostgreSQL's arithmetic, so 7 / 2 of integers is 3."""

    def __init__(self, operator: str, left: Any, right: Any) -> None:
        self.parts = operator, left, right

    def shape(self, values: list[Any]) -> Shape:
        operator, left, right = self.parts
        return ("op", operator, operand(left, values), operand(right, values))


class F(Expression):
    """The value of another column of the row, or of one reached through to-one relations."""

    def __init__(self, name: str) -> None:
        self.name = name

    def shape(self, values: list[Any]) -> Shape:
        return ("F", self.name)

    def asc(self, *, nulls_first: bool = False, nulls_last: bool = False) -> Ordering:
        """Ascending, for order_by; PostgreSQL puts NULL last unless told."""
        return Ordering(self.name, False, "first" if nulls_first else "last" if nulls_last else "")

    def desc(self, *, nulls_first: bool = False, nulls_last: bool = False) -> Ordering:
        """Descending, for order_by; PostgreSQL puts NULL first unless told."""
        return Ordering(self.name, True, "first" if nulls_first else "last" if nulls_last else "")


class Now(Expression):
    """The server's clock at the start of the transaction."""

    def shape(self, values: list[Any]) -> Shape:
        return ("now",)


class Ordering(NamedTuple):
    """One column of order_by."""

    name: str
    descending: bool = False
    nulls: str = ""

    def reversed(self) -> Ordering:
        """The opposite direction, with NULLs at the opposite end."""
        other = {"": "", "first": "last", "last": "first"}[self.nulls]
        return Ordering(self.name, not self.descending, other)


class Aggregate(Expression):
    """A function over many rows; `filter` (a Q) narrows the rows it sees."""

    def __init__(self, of: str | Expression, *, distinct: bool = False, filter: Q | None = None) -> None:
        self.of, self.distinct, self.filter = of, distinct, filter

    @property
    def default_name(self) -> str:
        """`price__avg`, where the caller gave no name."""
        if not isinstance(self.of, str):
            raise FieldError("an aggregate of an expression needs a name: total=Sum(F('price') * F('amount'))")
        return f"{self.of}__{self.function}"

    @property
    def function(self) -> str:
        """Its name in SQL: the name of the class."""
        return type(self).__name__.lower()

    def shape(self, values: list[Any]) -> Shape:
        of = ("F", self.of) if isinstance(self.of, str) else self.of.shape(values)
        return ("agg", self.function, of, self.distinct, self.filter and condition(self.filter, values))


class Sum(Aggregate):
    """The sum; None over no rows."""


class Count(Aggregate):
    """How many values are not NULL; `Count("*")` counts rows."""


class Avg(Aggregate):
    """The mean, a float for whole numbers; None over no rows."""


class Min(Aggregate):
    """The least value; None over no rows."""


class Max(Aggregate):
    """The greatest value; None over no rows."""


class Q:
    """Conditions to be combined with & | ~."""

    def __init__(self, *children: Any, _connector: str = "AND", _negated: bool = False, **lookups: Any) -> None:
        self.children: tuple[Any, ...] = (*children, *lookups.items())
        self.connector, self.negated = _connector, _negated

    def __and__(self, other: Q) -> Q:
        return self._joined("AND", other)

    def __or__(self, other: Q) -> Q:
        return self._joined("OR", other)

    def __invert__(self) -> Q:
        return Q(*self.children, _connector=self.connector, _negated=not self.negated)

    def _joined(self, connector: str, other: Q) -> Q:
        # An empty Q says nothing, so it adds nothing: `Q() | Q(a=1)` is Q(a=1).
        if not (self.children and other.children):
            return self if self.children else other
        return Q(self, other, _connector=connector)


def condition(q: Q, values: list[Any]) -> Shape:
    """The shape of a Q: (connector, negated, children)."""
    children = [condition(c, values) if isinstance(c, Q) else leaf(c[0], c[1], values) for c in q.children]
    return (q.connector, q.negated, tuple(c for c in children if len(c) != 3 or c[2]))


def leaf(path: str, value: Any, values: list[Any]) -> Shape:
    """The shape of one lookup: (path, what kind of value)."""
    if type(value) in _PLAIN and not path.endswith(("__isnull", "__range")):
        values.append(value)
        return (path, "value")
    if value is None:
        return (path, "null")
    if path.endswith("__isnull"):
        if not isinstance(value, bool):
            raise FieldError(f"{path} takes True or False, not {value!r}")
        return (path, ("isnull", value))
    if isinstance(value, (Expression, ClauseElement)):
        return (path, operand(value, values))
    if path.endswith("__range"):
        low, high = value
        values += (low, high)
        return (path, "range")
    if hasattr(value, "as_subquery"):
        return (path, value.as_subquery(values))
    if hasattr(type(value), "objects"):
        values.append(value.pk)
        return (path, ("object", type(value)))
    several = isinstance(value, _LISTS) or (
        path.endswith("__in") and isinstance(value, Iterable) and not isinstance(value, str)
    )
    values.append(list(value) if several else value)
    return (path, "list" if several else "value")


def operand(value: Any, values: list[Any]) -> Shape:
    """The shape of one side of an operator, or of a value to be written."""
    if isinstance(value, Expression):
        return value.shape(values)
    if isinstance(value, ClauseElement):
        return ("raw", Raw(value))
    values.append(value)
    return ("value",)


def flattened(node: Shape) -> list[Shape]:
    """The conditions that must all hold, each by itself, so that WHERE and HAVING can share them."""
    if len(node) != 3:
        return [node]
    connector, negated, children = node
    if not children:
        return []
    if negated and connector == "OR":
        return [("AND", True, (child,)) for child in children]
    if negated or connector == "OR":
        return [node]
    return [part for child in children for part in flattened(child)]


def is_aggregate(shape: Any) -> bool:
    """Whether an aggregate stands anywhere in it."""
    return isinstance(shape, tuple) and (shape[:1] == ("agg",) or any(is_aggregate(part) for part in shape))
