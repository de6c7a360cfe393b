"""Rows become objects, dicts or tuples; related objects come along or in one query more."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .engine import Connection
    from .meta import Relation
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
        return build

    def load(rows: Rows) -> list[Any]:
        found: dict[tuple[str, ...], list[Any]] = {(): build(rows)}
        for path, key, make in related:
            made = [None if row[key] is None else o for o, row in zip(make(rows), rows, strict=True)]
            for parent, o in zip(found[path[:-1]], made, strict=True):
                if parent is not None:
                    parent.__dict__[path[-1]] = o
            found[path] = made
        for place, name, read in extra:
            for o, row in zip(found[()], rows, strict=True):
                o.__dict__[name] = read(row[place])
        return found[()]

    return load


def builder(model: Any, start: int = 0) -> Callable[[Rows], list[Any]]:
    """What makes an object of each row, of the columns from `start` on."""
    names, enums = model._meta.names, model._meta.enums
    cells = ", ".join(f"c{i}" for i in range(len(names)))
    # Written out, as dataclasses and namedtuples are: most of what 50 rows cost is here, and Python sets attributes of
    # known names three times as quickly as it fills a dict. The names are identifiers of a class body.
    source = f"def build(rows):\n objects = []\n for row in rows:\n  ({cells},) = row[{start}:{start + len(names)}]\n"
    source += "  made = new(model)\n"
    for i, name in enumerate(names):
        source += f"  made.{name} = enum_{name}[c{i}]\n" if name in enums else f"  made.{name} = c{i}\n"
    source += "  objects.append(made)\n return objects\n"
    known: dict[str, Any] = {"new": object.__new__, "model": model}
    known |= {f"enum_{name}": {None: None, **enum._value2member_map_} for name, enum in enums.items()}
    exec(source, known)  # noqa: S102
    build: Callable[[Rows], list[Any]] = known["build"]
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
    further: dict[str, list[str]] = {}
    for name in names:
        first, _, rest = name.partition("__")
        further.setdefault(first, []).extend([rest] if rest else [])
    for name, rests in further.items():
        relation = model._meta.many(name) or model._meta.relation(name)
        keys = {value for o in objects if (value := getattr(o, relation.column)) is not None}
        rows = relation.target.objects.using(conn).filter(**{f"{relation.target_column}__in": keys})
        found = await rows.order_by(*relation.target._meta.key) if keys else []
        await prefetch(conn, relation.target, found, rests)
        _hand_out(objects, name, relation, found)


def _hand_out(objects: list[Any], name: str, relation: Relation, found: list[Any]) -> None:
    by_key: dict[Any, list[Any]] = {}
    for related in found:
        by_key.setdefault(getattr(related, relation.target_column), []).append(related)
    for o in objects:
        mine = by_key.get(getattr(o, relation.column), [])
        o.__dict__[name] = mine if relation.is_many else (mine[0] if mine else None)
        for related in mine if relation.back else ():
            related.__dict__[relation.back] = o
