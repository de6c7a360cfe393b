"""Rows become objects, dicts or tuples; related objects come along or in one query more."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .engine import Connection
    from .scope import Ref, Scope
    from .statements import Question

Rows = list[tuple[Any, ...]]


def related_paths(names: Iterable[str]) -> list[tuple[str, ...]]:
    """`select_related` with every relation on the way, outer ones first."""
    parts = [tuple(name.split("__")) for name in names]
    return sorted({path[:length] for path in parts for length in range(1, len(path) + 1)})


def loader(scope: Scope, question: Question) -> Callable[[Rows], list[Any]]:
    """What makes the results of a question out of its rows."""
    if question.form != "object":
        refs = [scope.plain(name) for name in question.fields]
        form: Any = {"dict": dict, "tuple": tuple}.get(question.form)
        return values_loader(form, question.fields, refs)
    build, place = builder(question.model), len(question.model._meta.names)
    related = []
    for path in related_paths(question.related):
        model = scope.table(path)[1]
        related.append((path, place + model._meta.names.index(model._meta.key[0]), builder(model, place)))
        place += len(model._meta.names)
    extra = [(place + i, name, _reader(scope.names[name])) for i, (name, _) in enumerate(question.annotations)]
    if not related and not extra:
        return lambda rows: [build(row) for row in rows]

    def load(row: tuple[Any, ...]) -> Any:
        found: dict[tuple[str, ...], Any] = {(): build(row)}
        for path, key, make in related:
            parent = found[path[:-1]]
            found[path] = None if parent is None or row[key] is None else make(row)
            if parent is not None:
                parent.__dict__[path[-1]] = found[path]
        for place, name, read in extra:
            found[()].__dict__[name] = read(row[place])
        return found[()]

    return lambda rows: [load(row) for row in rows]


def builder(model: Any, start: int = 0) -> Callable[[tuple[Any, ...]], Any]:
    """What makes one object of the columns from `start` on."""
    names, new, end = model._meta.names, object.__new__, start + len(model._meta.names)
    enums = [(name, {None: None, **enum._value2member_map_}) for name, enum in model._meta.enums.items()]

    def build(row: tuple[Any, ...]) -> Any:
        made = new(model)
        # One dict made whole is much quicker than attributes set one by one, and most of what 50 rows cost.
        values = dict(zip(names, row[start:end] if start else row))  # noqa: B905
        for name, members in enums:
            values[name] = members[values[name]]
        made.__dict__ = values
        return made

    return build


def values_loader(form: Any, names: Sequence[str], refs: Sequence[Ref]) -> Callable[[Rows], list[Any]]:
    """What makes dicts, tuples or (form None) single values."""
    readers = [_reader(ref) for ref in refs]

    def load(row: tuple[Any, ...]) -> Any:
        values = [read(value) for read, value in zip(readers, row, strict=False)]
        if form is dict:
            return dict(zip(names, values, strict=True))
        return tuple(values) if form is tuple else values[0]

    return lambda rows: [load(row) for row in rows]


def _reader(ref: Ref) -> Callable[[Any], Any]:
    enum = ref.kind.enum if ref.kind is not None else None
    return (lambda value: None if value is None else enum(value)) if enum else (lambda value: value)


async def prefetch(conn: Connection, model: Any, objects: list[Any], names: Iterable[str]) -> None:
    """Loads relations with one query each, to-many ones as lists in primary-key order."""
    for name in dict.fromkeys(names):
        first, _, rest = name.partition("__")
        relation = model._meta.many(first)
        to_many = relation is not None
        relation = relation or model._meta.relation(first)
        keys = {value for o in objects if (value := getattr(o, relation.column)) is not None}
        rows = relation.target.objects.using(conn).filter(**{f"{relation.target_column}__in": keys})
        found = await rows.order_by(*relation.target._meta.key) if keys else []
        if rest:
            await prefetch(conn, relation.target, found, [rest])
        _hand_out(objects, first, relation, found, to_many)


def _hand_out(objects: list[Any], name: str, relation: Any, found: list[Any], to_many: bool) -> None:
    by_key: dict[Any, list[Any]] = {}
    for related in found:
        by_key.setdefault(getattr(related, relation.target_column), []).append(related)
    for o in objects:
        mine = by_key.get(getattr(o, relation.column), [])
        o.__dict__[name] = mine if to_many else (mine[0] if mine else None)
