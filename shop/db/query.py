"""`objects`: managers and query sets."""

from __future__ import annotations

from collections.abc import Generator
from copy import copy
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from sqlalchemy import delete, exists, func, insert, select, update

from .errors import FieldError

if TYPE_CHECKING:
    from .engine import Connection

M = TypeVar("M")

_LOOKUPS: dict[str, Any] = {
    "exact": lambda c, v: c.is_(None) if v is None else c == v,
    "lt": lambda c, v: c < v,
    "lte": lambda c, v: c <= v,
    "gt": lambda c, v: c > v,
    "gte": lambda c, v: c >= v,
    "in": lambda c, v: c.in_(v),
    "isnull": lambda c, v: c.is_(None) if v else c.is_not(None),
}


class QuerySet(Generic[M]):
    """A question about one table that is asked when it is awaited."""

    def __init__(self) -> None:
        self._model: Any = None
        self._conn: Connection | None = None
        self._where: tuple[Any, ...] = ()
        self._order: tuple[str, ...] = ()
        self._low: int = 0
        self._high: int | None = None

    def bound_to(self, model: type) -> Self:
        clone = copy(self)
        clone._model = model
        return clone

    def __get__(self, instance: object, owner: type) -> Self:
        return self

    def using(self, conn: Connection) -> Self:
        clone = copy(self)
        clone._conn = conn
        return clone

    def all(self) -> Self:
        return copy(self)

    def where(self, *conditions: Any) -> Self:
        clone = copy(self)
        clone._where = (*self._where, *conditions)
        return clone

    def filter(self, **lookups: Any) -> Self:
        conditions = []
        for path, value in lookups.items():
            name, _, lookup = path.partition("__")
            if name not in self._model.c:
                raise FieldError(f"{self._model.__name__} has no field {name!r}")
            conditions.append(_LOOKUPS[lookup or "exact"](self._model.c[name], value))
        return self.where(*conditions)

    def order_by(self, *names: str) -> Self:
        clone = copy(self)
        clone._order = names
        return clone

    def __getitem__(self, key: slice) -> Self:
        clone = copy(self)
        clone._low, clone._high = key.start or 0, key.stop
        return clone

    @property
    def statement(self) -> Any:
        stmt = select(*self._model.table.columns).where(*self._where)
        for name in self._order:
            col = self._model.c[name.lstrip("-")]
            stmt = stmt.order_by(col.desc() if name.startswith("-") else col)
        if self._high is not None:
            stmt = stmt.limit(self._high - self._low)
        return stmt.offset(self._low) if self._low else stmt

    def __await__(self) -> Generator[Any, None, list[M]]:
        return self._fetch().__await__()

    async def get(self, **lookups: Any) -> M:
        found = await self.filter(**lookups)[:2]
        if not found:
            raise self._model.DoesNotExist(f"{self._model.__name__} matching {lookups!r} does not exist")
        if len(found) > 1:
            raise self._model.MultipleObjectsReturned(f"more than one {self._model.__name__} matches {lookups!r}")
        return found[0]

    async def first(self) -> M | None:
        found = await (self if self._order else self.order_by(*self._model._key))[:1]
        return found[0] if found else None

    async def count(self) -> int:
        return int(await self._connection.fetch_value(select(func.count()).select_from(self.statement.subquery())))

    async def exists(self) -> bool:
        return bool(await self._connection.fetch_value(select(exists(self.statement))))

    async def create(self, **values: Any) -> M:
        stmt = insert(self._model.table).values(values).returning(*self._model.table.columns)
        return self._object(await self._connection.fetch_one(stmt))

    async def update(self, **values: Any) -> int:
        return await self._connection.execute(update(self._model.table).where(*self._where).values(values))

    async def delete(self) -> int:
        return await self._connection.execute(delete(self._model.table).where(*self._where))

    async def _fetch(self) -> list[M]:
        return [self._object(row) for row in await self._connection.fetch_all(self.statement)]

    @property
    def _connection(self) -> Connection:
        if self._conn is None:
            raise RuntimeError(f"{self._model.__name__}.objects needs a connection: say .using(conn)")
        return self._conn

    def _object(self, row: Any) -> M:
        values = dict(row.mapping)
        for name, kind in self._model._kinds.items():
            if kind.enum is not None and values[name] is not None:
                values[name] = kind.enum(values[name])
        built: M = self._model(**values)
        return built


class Manager(QuerySet[M]):
    """The `objects` of a model; a subclass adds the questions of its trade."""
