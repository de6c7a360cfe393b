"""The changes of an entry as its reader is told them: `differences(entry)` of the templates."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from aiohttp import web

from shop.backoffice.audit.fields.forms import Meaning, Shape, meaning_of
from shop.backoffice.audit.models import AuditEntry
from shop.backoffice.audit.service import HIDDEN
from shop.backoffice.settings.taxes.forms import percent
from shop.i18n import N_, NAMES
from shop.keys import SETTINGS
from shop.web.templating import environment_of

MOST_ITEMS: Final = 20


@dataclass(frozen=True, slots=True)
class Told:
    """A value, and how templates show it: nothing, word (to be translated), money, moment, rich, text, or items told alike."""

    shape: str
    value: Any = None


@dataclass(frozen=True, slots=True)
class Difference:
    """One field: what it means, and its bare name where nobody knows that; its values before and after."""

    meaning: Meaning
    name: str
    old: Told
    new: Told
    was_there: bool
    is_hidden: bool


NOTHING: Final = Told("nothing")
UNKNOWN: Final = Meaning("", rank=sys.maxsize)


def tell_differences(app: web.Application) -> None:
    """Lets the templates of all languages ask what an entry changed."""
    for lang in app[SETTINGS].languages:
        environment_of(app, lang).globals["differences"] = differences


def differences(entry: AuditEntry) -> list[Difference]:
    """The fields of an entry as their form orders them, texts language by language; what was empty and stays so is left out."""
    told = (_difference(entry, *field) for field in _by_language(entry.changes))
    return sorted((one for one in told if one.old != one.new or one.is_hidden), key=lambda one: one.meaning.rank)


def _by_language(changes: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    for name, (old, new) in changes.items():
        if _is_text(old) and _is_text(new) and (old or new):
            before, after = old or {}, new or {}
            for lang in NAMES:
                if before.get(lang) != after.get(lang):
                    yield f"{name}_{lang}", before.get(lang), after.get(lang)
        else:
            yield name, old, new


def _is_text(value: object) -> bool:
    """Whether it is a text in several languages, or none."""
    return value is None or (isinstance(value, dict) and value.keys() <= NAMES.keys())


def _difference(entry: AuditEntry, name: str, old: object, new: object) -> Difference:
    meaning = meaning_of(entry.action, entry.object, name) or UNKNOWN
    return Difference(
        meaning=meaning,
        name=name,
        old=_told(meaning, old),
        new=_told(meaning, new),
        was_there=old is not None,
        is_hidden=old == new == HIDDEN,
    )


def _told(meaning: Meaning, value: Any) -> Told:
    if value is None or value in ("", [], {}):
        return NOTHING
    if isinstance(value, bool):
        return Told("word", N_("Yes") if value else N_("No"))
    if isinstance(value, list):
        return Told("items", _items(meaning, value))
    if isinstance(value, dict):
        return Told("items", [Told("text", f"{name}: {_plain(one)}") for name, one in value.items()])
    if str(value) in meaning.words:
        return Told("word", meaning.words[str(value)])
    return _shaped(meaning.shape, value)


def _items(meaning: Meaning, values: list[Any]) -> list[Told]:
    items = [
        Told("text", _plain(one)) if isinstance(one, list | dict) else _told(meaning, one)
        for one in values[:MOST_ITEMS]
    ]
    return [*items, Told("text", "…")] if len(values) > MOST_ITEMS else items


def _shaped(shape: Shape, value: Any) -> Told:
    """A single value; one that does not fit the shape, from a time when the field meant something else, stays as it is."""
    if isinstance(value, int):
        return _of_a_number(shape, value)
    text = str(value)
    if shape is Shape.MOMENT and (moment := _moment(text)):
        return Told("moment", moment)
    if shape is Shape.CLOCK:
        return Told("text", text[:5])
    return Told("rich" if shape is Shape.RICH else "text", text)


def _of_a_number(shape: Shape, value: int) -> Told:
    if shape is Shape.MONEY:
        return Told("money", value)
    if shape is Shape.ROW:
        return Told("text", f"#{value}") if value else NOTHING
    if shape is Shape.RATE:
        return Told("text", f"{percent(value)} %")
    return Told("text", str(value + 1 if shape is Shape.PLACE else value))


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return " / ".join(_plain(one) for one in value.values() if one)
    return " ".join(map(_plain, value)) if isinstance(value, list) else str(value)
