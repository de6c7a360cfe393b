"""Managers and query sets: the half that asks PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Coroutine, Generator, Iterable
from typing import Any, NoReturn, Self, TypeVar, overload

from sqlalchemy import Select

from . import keyset, statements
from .compiled import bound
from .expressions import Aggregate, Ordering, condition, flattened, leaf, operand
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
        plan, params = self._asked()
        async for rows in self._connection.batches(plan.sql, params):
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
            return self._at(key)
        low, high = self._low + (key.start or 0), self._high
        if key.stop is not None:
            high = self._low + key.stop if high is None else min(high, self._low + key.stop)
        return self._sliced(low if high is None else min(low, high), high)

    @property
    def statement(self) -> Select[Any]:
        """The SELECT as SQLAlchemy's, with the values in it."""
        scope = Scope(self._model)
        select = statements.selected(scope, self._question)
        return bound(select, scope.binders, self._values, self._slice_params())

    async def get(self, *conditions: Any, **lookups: Any) -> M:
        """The one object; Model.DoesNotExist or Model.MultipleObjectsReturned otherwise."""
        if conditions or lookups:
            self._unsliced("filter")
        values: list[Any] = []
        nodes = [part for q in conditions for part in flattened(condition(q, values))] if conditions else []
        nodes += [leaf(path, value, values) for path, value in lookups.items()]
        # The commonest question of all: its plan is found without building the sets in between.
        plan = self._plan(statements.single, self._lockable(), tuple(nodes))
        params = plan.params((*self._values, *values))
        params["high"] = 2
        if self._low or self._high is not None:
            params.update(self._slice_params())
        found: list[M] = plan.load(await self._connection.fetch_tuples(plan.sql, params))
        if self._prefetched:
            await prefetch(self._connection, self._model, found, self._prefetched)
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
        return await self._foremost(names, backwards=False)

    async def latest(self, *names: str) -> M:
        """The object with the greatest values (NULL being the greatest); Model.DoesNotExist where there is none."""
        return await self._foremost(names, backwards=True)

    async def exists(self) -> bool:
        """Whether there is any."""
        return bool(await self._value(statements.existing))

    async def count(self) -> int:
        """How many there are."""
        return int(await self._value(statements.counted))

    async def aggregate(self, *aggregates: Aggregate, **named: Aggregate) -> dict[str, Any]:
        """Values over all of them: `aggregate(Avg("price"), total=Sum("stock"))`."""
        values: list[Any] = []
        asked = {**{a.default_name: a for a in aggregates}, **named}
        shapes = tuple((name, operand(aggregate, values)) for name, aggregate in asked.items())
        plan = self._plan(statements.aggregated, self._question, shapes)
        params = {**plan.params((*self._values, *values)), **self._slice_params()}
        answer: dict[str, Any] = plan.load(await self._connection.fetch_tuples(plan.sql, params))[0]
        return answer

    async def in_bulk(self, keys: Iterable[Any] | None = None, *, field_name: str = "pk") -> dict[Any, M]:
        """Objects by their key; all of them where no keys are given."""
        self._whole("in_bulk")
        meta = self._model._meta
        name = meta.column(field_name)
        if name is None or (name,) not in meta.uniques():
            raise ValueError(f"{self._name}.{field_name} is not unique, so in_bulk() cannot go by it")
        if keys is not None:
            self._unsliced("filter")
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
        scope = Scope(self._model)
        refs = [scope.plain(one.name) for one in asked._question.order]
        if after is not None:
            past = keyset.values_of(after, refs)
            asked = asked._asking(after=tuple(value is None for value in past))
            asked._past = tuple(value for value in past if value is not None)
        found = await asked._sliced(0, size + 1)._fetch()
        places = [one.name.replace("__", ".") for one in asked._question.order]
        last = [_followed(found[size - 1], place) for place in places] if len(found) > size else None
        return keyset.Page(found[:size], None if last is None else keyset.cursor(last))

    async def _at(self, place: int) -> M:
        found = await self[place : place + 1]._fetch()
        if not found:
            raise IndexError(f"{self._name}: there is none at {place}")
        return found[0]

    async def _foremost(self, names: tuple[str, ...], *, backwards: bool) -> M:
        if not names:
            raise ValueError(f"{self._name}: earliest() and latest() need the fields to go by")
        self._unsliced("change")
        ordered = self.order_by(*names)
        found = await (ordered.reverse() if backwards else ordered)[:1]._fetch()
        if not found:
            raise self._model.DoesNotExist(f"there is no {self._name}")
        return found[0]

    def _by_key(self) -> Self:
        if self._question.order:
            return self
        if self._question.group is not None and self._question.group != self._model._meta.key:
            raise TypeError(f"{self._name}: groups have no first or last without order_by()")
        return self.order_by(*self._model._meta.key)

    def _slice_params(self) -> dict[str, int]:
        params = {} if self._high is None else {"high": self._high - self._low}
        return {**params, "low": self._low} if self._low else params

    def _lockable(self) -> statements.Question:
        question = self._question
        if question.lock is not None and not self._connection.in_transaction:
            raise RuntimeError(f"{self._name}: select_for_update() needs a transaction")
        return question

    def _asked(self) -> tuple[statements.Plan, dict[str, Any]]:
        plan = self._plan(statements.objects, self._lockable())
        params = plan.params(self._values)
        if self._low or self._high is not None:
            params.update(self._slice_params())
        return plan, params

    async def _fetch(self) -> list[M]:
        plan, params = self._asked()
        found: list[M] = plan.load(await self._connection.fetch_tuples(plan.sql, params))
        if self._prefetched:
            await prefetch(self._connection, self._model, found, self._prefetched)
        return found

    async def _value(self, build: Any) -> Any:
        plan = self._plan(build, self._question)
        params = {**plan.params(self._values), **self._slice_params()}
        return await self._connection.fetch_value(plan.sql, params)


class Manager(QuerySet[M]):
    """The `objects` of a model; a subclass adds the questions of its trade, which then chain like any other."""


def _told(conditions: tuple[Any, ...], lookups: dict[str, Any]) -> str:
    parts = [f"{path}={value!r}" for path, value in lookups.items()] + ["those conditions"] * bool(conditions)
    return ", ".join(parts) or "these conditions"


def _followed(item: Any, place: str) -> Any:
    for name in place.split("."):
        item = None if item is None else getattr(item, name)
    return item
