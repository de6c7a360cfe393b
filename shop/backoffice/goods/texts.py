"""Texts per language between a form, whose fields are called name_en and name_zh, and a row; addresses made from names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from shop.catalog.categories.models import CategorySlug
from shop.catalog.models import ProductSlug
from shop.catalog.service import LONGEST_SLUG
from shop.db import Connection
from shop.i18n import NAMES
from shop.words import is_chinese, parts, reading, readings_at_hand

LANGUAGES: Final = tuple(NAMES)


def spread(**texts: Mapping[str, str]) -> dict[str, str]:
    """{"name": {"en": …}} as values of fields: {"name_en": …, "name_zh": ""}."""
    return {f"{name}_{lang}": text.get(lang, "") for name, text in texts.items() for lang in LANGUAGES}


def gathered(values: Mapping[str, Any], name: str) -> dict[str, str]:
    """The other way round; languages without a text are left out."""
    return {lang: values[f"{name}_{lang}"] for lang in LANGUAGES if values.get(f"{name}_{lang}")}


async def slugs_for(
    conn: Connection,
    kind: type[CategorySlug | ProductSlug],
    owner: Mapping[str, int],
    name: Mapping[str, str],
    typed: Mapping[str, str],
) -> dict[str, str]:
    """An address in each language: as typed, else made from the name and not taken by another than `owner`."""
    await readings_at_hand()
    found: dict[str, str] = {}
    for lang in LANGUAGES:
        text = name.get(lang) or next(iter(name.values()), "")
        found[lang] = typed.get(lang) or await _free(conn, kind, owner, lang, slug_of(text))
    return found


def slug_of(text: str) -> str:
    """ "Red apples" is red-apples, 红苹果 is hong-ping-guo."""
    words = [word for part in parts(text) for word in (reading(part) if is_chinese(part) else (part,))]
    return "-".join(words)[: LONGEST_SLUG - 4].strip("-") or "goods"


async def _free(
    conn: Connection, kind: type[CategorySlug | ProductSlug], owner: Mapping[str, int], lang: str, wanted: str
) -> str:
    known = kind.objects.using(conn).filter(lang=lang, slug__startswith=wanted)
    if owner:
        known = known.exclude(**owner)
    taken = set(await known.values_list("slug", flat=True))
    numbered = (f"{wanted}-{number}" for number in range(2, len(taken) + 3))
    return next(slug for slug in (wanted, *numbered) if slug not in taken)
