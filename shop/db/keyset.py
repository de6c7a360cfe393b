"""Pages that start after a row instead of counting: as quick on page 1,000 as on page 1."""

from __future__ import annotations

import base64
import json
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Generic, NamedTuple, TypeVar
from uuid import UUID

from sqlalchemy import and_, false, or_, tuple_

from .expressions import Ordering
from .scope import Ref, Scope, checker

M = TypeVar("M")

_PARSERS: dict[type, Any] = {kind: kind.fromisoformat for kind in (datetime, date, time)}
_PARSERS |= {Decimal: Decimal, UUID: UUID}


class BadCursor(ValueError):
    """An `after` that this list never gave out: a mistyped or foreign address."""


class Page(NamedTuple, Generic[M]):
    """Some objects, and the `after` of the next page (None on the last)."""

    items: list[M]
    next: str | None


def cursor(values: list[Any]) -> str:
    """Where a page ended, as text for an address."""
    told = [value if isinstance(value, int | float | str | None) else str(value) for value in values]
    return base64.urlsafe_b64encode(json.dumps(told, ensure_ascii=False).encode()).decode().rstrip("=")


def values_of(after: str, refs: list[Ref]) -> list[Any]:
    """The values in such a text, of their columns' types; BadCursor otherwise."""
    try:
        told = json.loads(base64.urlsafe_b64decode(after + "=" * (-len(after) % 4)))
        if not isinstance(told, list) or len(told) != len(refs):
            raise ValueError("not as many values as columns")
        return [_parsed(value, ref) for value, ref in zip(told, refs, strict=True)]
    except (ValueError, TypeError, ArithmeticError) as error:
        raise BadCursor(f"{after!r} is no place in this list") from error


def _parsed(value: Any, ref: Ref) -> Any:
    if value is None:
        if not ref.nullable:
            raise ValueError("no value where there always is one")
        return None
    parse = _PARSERS.get(ref.kind.python) if ref.kind else None
    return checker(ref.kind, ref.label)(parse(value) if parse else value)


def beyond(scope: Scope, order: tuple[Ordering, ...], nulls: tuple[bool, ...]) -> Any:
    """The rows after the one whose ordering values are bound here; `nulls` tells which of those are NULL."""
    refs = [scope.plain(one.name) for one in order]
    binds = [None if null else scope.value(ref) for ref, null in zip(refs, nulls, strict=True)]
    if not any(ref.nullable for ref in refs) and len({one.descending for one in order}) == 1:
        here, there = tuple_(*[ref.column for ref in refs]), tuple_(*binds)
        return here < there if order[0].descending else here > there
    clause: Any = false()
    for ref, one, bind in reversed(list(zip(refs, order, binds, strict=True))):
        same = ref.column.is_(None) if bind is None else ref.column == bind
        clause = or_(_further(ref, one, bind), and_(same, clause))
    return clause


def _further(ref: Ref, order: Ordering, bind: Any) -> Any:
    nulls_last = order.nulls == "last" or (not order.nulls and not order.descending)
    if bind is None:
        return false() if nulls_last else ref.column.is_not(None)
    further = ref.column < bind if order.descending else ref.column > bind
    return or_(further, ref.column.is_(None)) if nulls_last and ref.nullable else further
