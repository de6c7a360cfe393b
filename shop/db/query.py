"""Managers and query sets: the half that asks PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Coroutine, Generator, Iterable
from typing import Any, NoReturn, Self, TypeVar, overload

from sqlalchemy import Select

from . import keyset, statements
from .chain import Build
from .compiled import bound
from .expressions import Aggregate, Count, Ordering, operand
from .loading import prefetch
from .scope import Scope
from .writes import Writes

M = TypeVar("M")


class QuerySet(Writes[M]):
    """Objects of one model: await it for a list, iterate it for a stream, or ask for one, a number, a sum."""

    def __await__(self) -> Generator[Any, None, list[M]]:
        return self._fetch().__await__()

    async def __aiter__(self) -> AsyncIterator[M]:
        """Object by object; in a transaction 500 at a time, else all at once."""
        plan = self._plan(statements.objects, self._lockable())
        async for rows in self._connection.batches(plan.sql, plan.params(self._values)):
            found = plan.load(rows)
            await prefetch(self._connection, self._model, found, self._prefetched)
            for item in found:
                yield item

    def __iter__(self) -> NoReturn:
        raise TypeError(f"{self._name}: say `async for`, or await the set for a list")

    def __bool__(self) -> NoReturn:
        raise TypeError(f"{self._name}: say `await ….exists()`")

    @overload
    def __getitem__(self, key: slice) -> Self: ...
    @overload
    def __getitem__(self, key: int) -> Coroutine[Any, Any, M]: ...
    def __getitem__(self, key: slice | int) -> Any:
        """A part by position, or (to be awaited) one object, IndexError where there is none."""
        given = (key.start, key.stop) if isinstance(key, slice) else (key,)
        if isinstance(key, slice) and key.step is not None:
            raise TypeError(f"{self._name}: a slice has no step")
        if not all(bound is None or (type(bound) is int and bound >= 0) for bound in given):
            raise ValueError(f"{self._name}: a slice takes whole numbers from 0 on, not {key!r}")
        if not isinstance(key, slice):
            return self[key : key + 1]._foremost(IndexError(f"{self._name}: there is none at {key}"))
        start, high = self._bounds
        low = start + (key.start or 0)
        if key.stop is not None:
            high = start + key.stop if high is None else min(high, start + key.stop)
        return self._sliced(low if high is None else min(low, high), high)

    @property
    def statement(self) -> Select[Any]:
        """The SELECT as SQLAlchemy's, with the values in it."""
        scope = Scope(self._model)
        select = statements.selected(scope, self._question)
        return bound(select, scope.binders, self._values)

    async def get(self, *conditions: Any, **lookups: Any) -> M:
        """The one object; Model.DoesNotExist or Model.MultipleObjectsReturned otherwise."""
        if self._limits and not (conditions or lookups):
            found = await self[:2]._fetch()
        else:  # the commonest question of all: its plan is found without building the sets in between
            nodes, values = self._nodes(conditions, lookups)
            found = await self._fetch(statements.single, nodes, more=(*values, 2))
        if len(found) == 1:
            return found[0]
        if not found:
            raise self._model.DoesNotExist(f"there is no {self._name} with {_told(conditions, lookups)}")
        raise self._model.MultipleObjectsReturned(f"more than one {self._name} has {_told(conditions, lookups)}")

    async def first(self) -> M | None:
        """The first object in the given order, or by primary key; None where there is none."""
        found = await self._by_key()[:1]._fetch()
        return found[0] if found else None

    async def last(self) -> M | None:
        """The last object in the given order, or by primary key; None where there is none."""
        self._unsliced("reverse")
        return await self._by_key().reverse().first()

    async def earliest(self, *names: str) -> M:
        """The object with the least values; Model.DoesNotExist where there is none."""
        return await self._ordered(names)._foremost(self._model.DoesNotExist(f"there is no {self._name}"))

    async def latest(self, *names: str) -> M:
        """The object with the greatest values (NULL being the greatest); Model.DoesNotExist where there is none."""
        return await self._ordered(names).reverse()._foremost(self._model.DoesNotExist(f"there is no {self._name}"))

    async def exists(self) -> bool:
        """Whether there is any."""
        return bool(await self._rows(statements.existing, self._question, values=self._values))

    async def count(self) -> int:
        """How many there are."""
        return int((await self.aggregate(n=Count("*")))["n"])

    async def aggregate(self, *aggregates: Aggregate, **named: Aggregate) -> dict[str, Any]:
        """Values over all of them: `aggregate(Avg("price"), total=Sum("stock"))`."""
        values = list(self._values)
        asked = {**{a.default_name: a for a in aggregates}, **named}
        shapes = tuple((name, operand(aggregate, values)) for name, aggregate in asked.items())
        answer: dict[str, Any] = (await self._rows(statements.aggregated, self._question, shapes, values=values))[0]
        return answer

    async def in_bulk(self, keys: Iterable[Any] | None = None, *, field_name: str = "pk") -> dict[Any, M]:
        """Objects by their key; all of them where no keys are given."""
        self._whole("in_bulk")
        meta = self._model._meta
        name = meta.column(field_name)
        if name is None or (name,) not in meta.uniques():
            raise ValueError(f"{self._name}.{field_name} is not unique, so in_bulk() cannot go by it")
        chosen = self if keys is None else self.filter(**{f"{name}__in": keys})
        return {getattr(item, name): item for item in await chosen._fetch()}

    async def page(self, size: int, *, after: str | None = None) -> keyset.Page[M]:
        """So many objects after that place, in the set's order and then by key; BadCursor for a place never given."""
        self._unsliced("page")
        self._whole("page")
        if size < 1:
            raise ValueError(f"{self._name}: a page has at least one object")
        order = self._question.order
        key = tuple(Ordering(k) for k in self._model._meta.key if all(k != o.name for o in order))
        asked = self._asking(order=order + key)
        if after is not None:
            scope = Scope(self._model)
            past = keyset.values_of(after, [scope.plain(one.name) for one in order + key])
            asked = asked._asking(after=tuple(value is None for value in past))
            asked._past = tuple(value for value in past if value is not None)
        found = await asked._sliced(0, size + 1)._fetch()
        last = [_followed(item, one.name) for item in found[size - 1 : size] for one in order + key]
        return keyset.Page(found[:size], keyset.cursor(last) if len(found) > size else None)

    async def _foremost(self, absent: Exception) -> M:
        for found in await self[:1]._fetch():
            return found
        raise absent

    def _ordered(self, names: tuple[str, ...]) -> Self:
        if not names:
            raise ValueError(f"{self._name}: earliest() and latest() need the fields to go by")
        return self.order_by(*names)

    def _by_key(self) -> Self:
        if self._question.order:
            return self
        if self._question.group is not None and self._question.group != self._model._meta.key:
            raise TypeError(f"{self._name}: groups have no first or last without order_by()")
        return self.order_by(*self._model._meta.key)

    def _lockable(self) -> statements.Question:
        question = self._question
        if question.lock is not None and not self._connection.in_transaction:
            raise RuntimeError(f"{self._name}: select_for_update() needs a transaction")
        return question

    async def _fetch(self, build: Build = statements.objects, *key: Any, more: tuple[Any, ...] = ()) -> list[M]:
        found: list[M] = await self._rows(build, self._lockable(), *key, values=self._values + more)
        if self._prefetched:
            await prefetch(self._connection, self._model, found, self._prefetched)
        return found


class Manager(QuerySet[M]):
    """The `objects` of a model; a subclass adds the questions of its trade, which then chain like any other."""


def _told(conditions: tuple[Any, ...], lookups: dict[str, Any]) -> str:
    parts = [f"{path}={value!r}" for path, value in lookups.items()] + ["those conditions"] * bool(conditions)
    return ", ".join(parts) or "these conditions"


def _followed(item: Any, path: str) -> Any:
    for name in path.split("__"):
        item = None if item is None else getattr(item, name)
    return item
