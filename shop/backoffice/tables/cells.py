"""What stands in a cell, read strictly: each function gives the value, or refuses the line with a reason for gettext."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from babel.numbers import get_currency_precision

from shop.backoffice.tables.models import LineRefused, Rules
from shop.catalog.models import Keeping, ProductStatus
from shop.catalog.service import LONGEST_SLUG, SLUG
from shop.i18n import N_

LONGEST_TEXT = 200
MOST = 1_000_000
MOST_MONEY = 100_000_000
CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,39}")
WHOLE = re.compile(r"[0-9]{1,9}")
AMOUNT = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,4})?")

Cells = Mapping[str, str]
Reader = Callable[[str, str, Rules], Any]


@dataclass(frozen=True, slots=True)
class ProductLine:
    """A line of goods: only what the file names, ready to be written; an empty cell says nothing. Texts are per language."""

    code: str
    product: str | None
    category: str | None
    texts: Mapping[str, Mapping[str, str]]
    product_values: Mapping[str, Any]
    sku_texts: Mapping[str, Mapping[str, str]]
    sku_values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class StockLine:
    """A line of stock: how many lie there now."""

    code: str
    counted: int


def read_product(cells: Cells, rules: Rules) -> ProductLine:
    """Raises LineRefused."""
    return ProductLine(
        code=_code(cells),
        product=_maybe(cells, "product", _slug, rules),
        category=_maybe(cells, "category", _slug, rules),
        texts=_texts(cells, {"name": "name", "subtitle": "subtitle"}, rules),
        product_values=_values(cells, {"keeping": _keeping, "shelf_life_days": _days, "status": _status}, rules),
        sku_texts=_texts(cells, {"size": "name", "unit": "unit"}, rules),
        sku_values=_values(cells, {"price": _money, "weight": _positive, "tax_class": _tax}, rules),
    )


def read_stock(cells: Cells, rules: Rules) -> StockLine:
    """Raises LineRefused."""
    return StockLine(_code(cells), _whole("stock", cells.get("stock", ""), rules))


def _code(cells: Cells) -> str:
    code = cells.get("code", "")
    if not CODE.fullmatch(code):
        raise LineRefused("code", N_("A code is 1 to 40 Latin letters, digits and . _ / -"))
    return code


def _maybe(cells: Cells, name: str, reader: Reader, rules: Rules) -> Any:
    """What the cell holds; None when there is no such column, or nothing in it."""
    return reader(name, cells[name], rules) if cells.get(name) else None


def _values(cells: Cells, readers: Mapping[str, Reader], rules: Rules) -> dict[str, Any]:
    return {name: reader(name, cells[name], rules) for name, reader in readers.items() if cells.get(name)}


def _texts(cells: Cells, fields: Mapping[str, str], rules: Rules) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for column, field in fields.items():
        for lang in rules.languages:
            cell = f"{column}_{lang}"
            if cells.get(cell):
                found.setdefault(field, {})[lang] = _text(cell, cells[cell])
    return found


def _text(cell: str, text: str) -> str:
    if len(text) > LONGEST_TEXT:
        raise LineRefused(cell, N_("Use at most %(letters)d characters."), letters=LONGEST_TEXT)
    if not text.isprintable():
        raise LineRefused(cell, N_("This contains characters that cannot be used."))
    return text


def _slug(cell: str, text: str, rules: Rules) -> str:
    if len(text) > LONGEST_SLUG or not SLUG.fullmatch(text):
        raise LineRefused(cell, N_("An address is lower-case Latin letters and digits with single hyphens between."))
    return text


def _whole(cell: str, text: str, rules: Rules) -> int:
    if not WHOLE.fullmatch(text) or int(text) > MOST:
        raise LineRefused(cell, N_("This has to be a whole number from 0 to %(most)d."), most=MOST)
    return int(text)


def _positive(cell: str, text: str, rules: Rules) -> int:
    if not (value := _whole(cell, text, rules)):
        raise LineRefused(cell, N_("This has to be more than 0."))
    return value


def _days(cell: str, text: str, rules: Rules) -> int:
    return _positive(cell, text, rules)


def _money(cell: str, text: str, rules: Rules) -> int:
    digits = get_currency_precision(rules.currency)
    amount = Decimal(text).scaleb(digits) if AMOUNT.fullmatch(text) else Decimal(-1)
    if amount != int(amount) or not 0 < amount <= MOST_MONEY:
        raise LineRefused(cell, N_("This has to be an amount such as 12.50."))
    return int(amount)


def _one_of(*words: str) -> Reader:
    def read(cell: str, text: str, rules: Rules) -> str:
        if text not in words:
            raise LineRefused(cell, N_("This has to be one of: %(words)s"), words=", ".join(words))
        return text

    return read


def _tax(cell: str, text: str, rules: Rules) -> str:
    value: str = _one_of(*rules.tax_classes)(cell, text, rules)
    return value


_keeping = _one_of(*Keeping)
_status = _one_of(*ProductStatus)
